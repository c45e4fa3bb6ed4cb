import java.lang.reflect.Field;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import software.amazon.dynamodb.services.local.main.ServerRunner;
import software.amazon.dynamodb.services.local.server.DynamoDBProxyServer;

/**
 * Starts DynamoDB Local on the loopback interface and a port that the kernel picks, and prints that port.
 * DynamoDB Local by itself listens on every interface, and wants a port chosen beforehand, which another process may
 * take in between. It ends with its standard input, so that it cannot outlive the process that started it.
 */
public class Loopback {
    public static void main(String[] args) throws Exception {
        DynamoDBProxyServer dynamodb = ServerRunner.createServerFromCommandLineArgs(args);
        Field field = DynamoDBProxyServer.class.getDeclaredField("server");
        field.setAccessible(true);
        ServerConnector connector = null;
        for (Connector c : ((Server) field.get(dynamodb)).getConnectors()) {
            connector = (ServerConnector) c;
            connector.setHost("127.0.0.1");
            connector.setPort(0);
        }
        dynamodb.start();
        System.out.println("listening " + connector.getLocalPort());
        while (System.in.read() >= 0) {
            // Nothing is ever written: only the end of the stream matters.
        }
        Runtime.getRuntime().halt(0);
    }
}
