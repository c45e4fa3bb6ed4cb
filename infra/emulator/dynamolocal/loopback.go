package dynamolocal

import _ "embed"

// className is the name of the class in Loopback.java: a small program that starts DynamoDB Local. It is kept compiled,
// so that a Java runtime is enough to run it and no start has to wait for a compiler.
const className = "Loopback"

// class is the program, made from Loopback.java. Compiling and recording are one step, so that neither is done alone.
//
// When Loopback.java changes, run go generate here with the Java 17 compiler and DYNAMODB_LOCAL_LIB set to the folder
// that holds DynamoDBLocal.jar (make check does both), and keep all three files. Loopback.sha256 says which source the
// class was made from; a test holds that it is the one at hand, for which it needs no compiler.
//
//go:generate sh -c "javac --release 17 -g:none -cp \"$DYNAMODB_LOCAL_LIB/DynamoDBLocal.jar:$DYNAMODB_LOCAL_LIB/DynamoDBLocal_lib/*\" -d . Loopback.java && $(command -v sha256sum || echo shasum -a 256) Loopback.java Loopback.class >Loopback.sha256"
//go:embed Loopback.class
var class []byte
