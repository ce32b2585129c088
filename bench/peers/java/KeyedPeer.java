// Confluent Parallel Consumer, ordered by key: reads a topic, waits for each record, prints how many
// it did in how many seconds, from the first record's begin to the last one's end.
//
// Not decoded: the value stays bytes, which is in its favour.

import io.confluent.parallelconsumer.ParallelConsumerOptions;
import io.confluent.parallelconsumer.ParallelConsumerOptions.CommitMode;
import io.confluent.parallelconsumer.ParallelConsumerOptions.ProcessingOrder;
import io.confluent.parallelconsumer.ParallelStreamProcessor;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

public final class KeyedPeer {
    private static final long FIRST_MS = 45_000;

    public static void main(String[] args) throws Exception {
        String bootstrap = args[0], topic = args[1], group = args[2];
        long records = Long.parseLong(args[3]);
        int concurrency = Integer.parseInt(args[4]);
        long waitNanos = Long.parseLong(args[5]) * 1_000;
        long limitMs = Long.parseLong(args[6]);

        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        properties.put("group.id", group);
        properties.put("auto.offset.reset", "earliest");
        properties.put("enable.auto.commit", "false");
        var consumer = new KafkaConsumer<>(properties, new StringDeserializer(), new ByteArrayDeserializer());
        var options = ParallelConsumerOptions.<String, byte[]>builder()
                .ordering(ProcessingOrder.KEY)
                .maxConcurrency(concurrency)
                .commitMode(CommitMode.PERIODIC_CONSUMER_ASYNCHRONOUS)
                .consumer(consumer)
                .build();
        var begun = new AtomicLong();
        var ended = new AtomicLong();
        var done = new AtomicLong();
        var first = new CountDownLatch(1);
        var all = new CountDownLatch(1);
        var processor = ParallelStreamProcessor.createEosStreamProcessor(options);
        processor.subscribe(List.of(topic));
        processor.poll(context -> {
            if (begun.get() == 0 && begun.compareAndSet(0, System.nanoTime())) {
                first.countDown();
            }
            pause(waitNanos);
            if (done.incrementAndGet() == records) {
                ended.set(System.nanoTime());
                all.countDown();
            }
        });
        if (!first.await(FIRST_MS, TimeUnit.MILLISECONDS)) {
            System.err.println("no record came");
            Runtime.getRuntime().halt(1);
        }
        all.await(limitMs, TimeUnit.MILLISECONDS);
        long end = ended.get() == 0 ? System.nanoTime() : ended.get();
        double seconds = (end - begun.get()) / 1e9;
        System.out.println("{\"records\":" + Math.min(done.get(), records) + ",\"seconds\":" + seconds + "}");
        System.out.flush();
        // What it would still do and commit isn't asked for.
        Runtime.getRuntime().halt(0);
    }

    // Parked threads may wake early.
    private static void pause(long nanos) {
        long until = System.nanoTime() + nanos;
        for (long left = nanos; left > 0; left = until - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }
}
