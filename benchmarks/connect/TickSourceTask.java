package wellhead.bench;

import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.source.SourceTask;

/** Gives its first record at once, and one an interval from then on; the source offset is the number of records given. */
public final class TickSourceTask extends SourceTask {
    // Connect tells a task to stop only between two polls, so none may last long; its own file source rests a second.
    private static final long LONGEST_POLL_MS = 500;

    private String topic;
    private long intervalMs;
    private Map<String, String> partition;
    private long given;
    private long dueMs;

    @Override
    public String version() {
        return "1";
    }

    @Override
    public void start(Map<String, String> settings) {
        topic = settings.get(TickSourceConnector.TOPIC);
        intervalMs = Long.parseLong(settings.getOrDefault(TickSourceConnector.INTERVAL_MS, "1000"));
        partition = Map.of("task", settings.get(TickSourceConnector.TASK));
        Map<String, Object> offset = context.offsetStorageReader().offset(partition);
        given = offset == null ? 0 : (Long) offset.get("given");
    }

    @Override
    public List<SourceRecord> poll() throws InterruptedException {
        long waitMs = dueMs - System.currentTimeMillis();
        if (waitMs > 0) {
            Thread.sleep(Math.min(waitMs, LONGEST_POLL_MS));
            return null;
        }
        dueMs = System.currentTimeMillis() + intervalMs;
        given++;
        return List.of(new SourceRecord(partition, Map.of("given", given), topic, null, null, null, "tick " + given));
    }

    @Override
    public void stop() {
    }
}
