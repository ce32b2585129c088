// Kafka Streams, exactly_once_v2: reads typed events from a topic, waits for each where it is told to,
// changes it and writes it to another topic. Who started it sees by the group's committed offsets how far
// it is, and ends it.
//
// Before that it copies the same topic for some seconds as another application, into a topic of that one's
// own and without waiting, so that what is measured is compiled code. Keys stay bytes, and texts as they
// are in the value (Avro's Utf8), which is in its favour, too.

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.locks.LockSupport;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.util.Utf8;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;

public final class StreamsPeer {
    private static final int FRAME = 5;
    private static final long WARM_UP_MS = 6_000;

    private final String bootstrap;
    private final String source;
    private final int threads;
    private final int schemaId;

    private StreamsPeer(String bootstrap, String source, int threads, int schemaId) {
        this.bootstrap = bootstrap;
        this.source = source;
        this.threads = threads;
        this.schemaId = schemaId;
    }

    // Bootstrap, source, target, application, threads, microseconds to wait, the target's schema.
    public static void main(String[] args) throws Exception {
        var peer = new StreamsPeer(args[0], args[1], Integer.parseInt(args[4]), Integer.parseInt(args[6]));
        String target = args[2];
        String application = args[3];
        var warmUp = peer.copying(target + "-warm-up", application + "-warm-up", 0);
        warmUp.start();
        Thread.sleep(WARM_UP_MS);
        warmUp.close(Duration.ofSeconds(20));
        peer.copying(target, application, Long.parseLong(args[5]) * 1_000).start();
    }

    private KafkaStreams copying(String target, String application, long waitNanos) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        properties.put("application.id", application);
        properties.put("processing.guarantee", "exactly_once_v2");
        properties.put("commit.interval.ms", "100");
        properties.put("num.stream.threads", Integer.toString(threads));
        properties.put("replication.factor", "1");
        properties.put("state.dir", "state"); // of its own directory
        properties.put("auto.offset.reset", "earliest");
        properties.put("producer.compression.type", "lz4");
        properties.put("producer.batch.size", "131072");
        var keys = Serdes.ByteArray();
        var values = Serdes.serdeFrom(
                (String topic, Event event) -> event.encoded(schemaId),
                (String topic, byte[] value) -> Event.decoded(value));
        var builder = new StreamsBuilder();
        builder.stream(source, Consumed.with(keys, values))
                .mapValues(event -> {
                    pause(waitNanos);
                    return event.copied();
                })
                .to(target, Produced.with(keys, values));
        return new KafkaStreams(builder.build(), properties);
    }

    // Parked threads may wake early.
    private static void pause(long nanos) {
        long until = System.nanoTime() + nanos;
        for (long left = nanos; left > 0; left = until - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }

    private static final class Line {
        Utf8 sku;
        int quantity;
        Utf8 unitPrice;
    }

    // As Avro's generated classes read and write themselves where they are asked to be quick.
    private static final class Event {
        private static final ThreadLocal<BinaryDecoder> DECODER = new ThreadLocal<>();
        private static final ThreadLocal<BinaryEncoder> ENCODER = new ThreadLocal<>();

        Utf8 orderId;
        long number;
        long placedAt;
        Utf8 customer;
        Utf8 currency;
        Utf8 total;
        List<Line> lines;
        Utf8 note;

        // What the handler does: twice as much of everything.
        Event copied() {
            for (Line line : lines) {
                line.quantity *= 2;
            }
            return this;
        }

        static Event decoded(byte[] value) {
            try {
                var in = DecoderFactory.get().binaryDecoder(value, FRAME, value.length - FRAME, DECODER.get());
                DECODER.set(in);
                var event = new Event();
                event.orderId = in.readString(null);
                event.number = in.readLong();
                event.placedAt = in.readLong();
                event.customer = in.readString(null);
                event.currency = in.readString(null);
                event.total = in.readString(null);
                long count = in.readArrayStart();
                event.lines = new ArrayList<>((int) count);
                for (; count > 0; count = in.arrayNext()) {
                    for (long at = 0; at < count; at++) {
                        var line = new Line();
                        line.sku = in.readString(null);
                        line.quantity = in.readInt();
                        line.unitPrice = in.readString(null);
                        event.lines.add(line);
                    }
                }
                event.note = in.readString(null);
                return event;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        byte[] encoded(int schemaId) {
            try {
                var bytes = new ByteArrayOutputStream(576);
                bytes.write(0);
                bytes.write(ByteBuffer.allocate(4).putInt(schemaId).array());
                var out = EncoderFactory.get().directBinaryEncoder(bytes, ENCODER.get());
                ENCODER.set(out);
                out.writeString(orderId);
                out.writeLong(number);
                out.writeLong(placedAt);
                out.writeString(customer);
                out.writeString(currency);
                out.writeString(total);
                out.writeArrayStart();
                out.setItemCount(lines.size());
                for (Line line : lines) {
                    out.startItem();
                    out.writeString(line.sku);
                    out.writeInt(line.quantity);
                    out.writeString(line.unitPrice);
                }
                out.writeArrayEnd();
                out.writeString(note);
                out.flush();
                return bytes.toByteArray();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
