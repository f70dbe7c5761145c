import io.cloudevents.CloudEvent;
import io.cloudevents.core.builder.CloudEventBuilder;
import io.cloudevents.core.format.EventFormat;
import io.cloudevents.core.message.MessageWriter;
import io.cloudevents.core.provider.EventFormatProvider;
import io.cloudevents.http.HttpMessageFactory;
import io.cloudevents.jackson.JsonFormat;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.OffsetDateTime;
import java.util.List;

/** Sends the same events in every mode: java ... SendEvents.java URL AUTHORIZATION. Prints a status for each request. */
public class SendEvents {
  private static String url;
  private static String authorization;

  public static void main(String[] arguments) throws IOException {
    url = arguments[0];
    authorization = arguments[1];
    for (CloudEvent event : events("java-binary")) {
      HttpURLConnection connection = connect();
      writer(connection).writeBinary(event);
      System.out.println("binary " + connection.getResponseCode());
    }
    for (CloudEvent event : events("java-structured")) {
      HttpURLConnection connection = connect();
      writer(connection).writeStructured(event, JsonFormat.CONTENT_TYPE);
      System.out.println("structured " + connection.getResponseCode());
    }
    HttpURLConnection connection = connect();
    connection.setRequestProperty("content-type", "application/cloudevents-batch+json");
    send(connection, batch(events("java-batch")));
    System.out.println("batch " + connection.getResponseCode());
  }

  private static List<CloudEvent> events(String mode) {
    CloudEventBuilder bare =
        CloudEventBuilder.v1().withType("com.example.sdk").withSource(URI.create("/sdk/java?a=1"));
    CloudEventBuilder full =
        bare.newBuilder()
            .withSubject("eu/7 north")
            .withTime(OffsetDateTime.parse("2024-02-29T13:00:00.123456+01:00"))
            .withDataSchema(URI.create("https://schemas.example/order"))
            .withExtension("text", "gold; \"plated\"")
            .withExtension("number", -7)
            .withExtension("flag", true);
    byte[] json = "{\"amount\":1.10,\"name\":\"Å\"}".getBytes(StandardCharsets.UTF_8);
    return List.of(
        full.withId(mode + "-json").withData("application/json", json).build(),
        bare.newBuilder().withId(mode + "-bytes").withData("image/png", new byte[] {0, 1, 2, -1}).build(),
        bare.newBuilder()
            .withId(mode + "-text")
            .withData("text/plain; charset=utf-8", "å ß".getBytes(StandardCharsets.UTF_8))
            .build(),
        bare.newBuilder().withId(mode + "-none").build());
  }

  /** The SDK writes single events only; a batch is their array. */
  private static byte[] batch(List<CloudEvent> events) throws IOException {
    EventFormat format = EventFormatProvider.getInstance().resolveFormat(JsonFormat.CONTENT_TYPE);
    ByteArrayOutputStream array = new ByteArrayOutputStream();
    for (CloudEvent event : events) {
      array.write(array.size() == 0 ? '[' : ',');
      array.write(format.serialize(event));
    }
    array.write(']');
    return array.toByteArray();
  }

  private static HttpURLConnection connect() throws IOException {
    HttpURLConnection connection = (HttpURLConnection) URI.create(url).toURL().openConnection();
    connection.setRequestMethod("POST");
    connection.setDoOutput(true);
    connection.setRequestProperty("authorization", authorization);
    // Otherwise the class names a form's media type for events that have none.
    connection.setRequestProperty("content-type", "application/octet-stream");
    return connection;
  }

  private static MessageWriter<?, ?> writer(HttpURLConnection connection) {
    return HttpMessageFactory.createWriter(
        connection::setRequestProperty, body -> send(connection, body == null ? new byte[0] : body));
  }

  private static void send(HttpURLConnection connection, byte[] body) {
    try (OutputStream out = connection.getOutputStream()) {
      out.write(body);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }
}
