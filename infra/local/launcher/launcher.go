// Package launcher holds the small Java program that starts DynamoDB Local for the platform, compiled, so that a Java
// runtime is enough to run it and no start has to wait for a compiler.
package launcher

import _ "embed"

// Name is the name of the program's class.
const Name = "Loopback"

// Class is the program, made from Loopback.java. To make it anew, run go generate with the Java 17 compiler and
// DYNAMODB_LOCAL_LIB set to the folder that holds DynamoDBLocal.jar.
//
//go:generate sh -c "javac --release 17 -g:none -cp \"$DYNAMODB_LOCAL_LIB/DynamoDBLocal.jar:$DYNAMODB_LOCAL_LIB/DynamoDBLocal_lib/*\" -d . Loopback.java"
//go:embed Loopback.class
var Class []byte
