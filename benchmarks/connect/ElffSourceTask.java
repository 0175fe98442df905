package wellhead.bench;

import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.source.SourceTask;

/** Gives one struct for each line; the source offset is the number of lines given. */
public final class ElffSourceTask extends SourceTask {
    private static final int BUFFER_BYTES = 1 << 18;
    private static final int IDLE_MS = 100;

    private final ElffLine parser = new ElffLine();
    private String topic;
    private int batchSize;
    private Map<String, String> partition;
    private BufferedReader lines;
    private long given;

    @Override
    public String version() {
        return "1";
    }

    @Override
    public void start(Map<String, String> settings) {
        topic = settings.get(ElffSourceConnector.TOPIC);
        batchSize = Integer.parseInt(settings.getOrDefault(ElffSourceConnector.BATCH_SIZE, "5000"));
        String file = settings.get(ElffSourceConnector.FILE);
        partition = Map.of("file", file);
        try {
            GZIPInputStream text = new GZIPInputStream(new FileInputStream(file), BUFFER_BYTES);
            lines = new BufferedReader(new InputStreamReader(text, StandardCharsets.UTF_8), BUFFER_BYTES);
            Map<String, Object> offset = context.offsetStorageReader().offset(partition);
            long finished = offset == null ? 0 : (Long) offset.get("line");
            while (given < finished) {
                lines.readLine();
                given++;
            }
        } catch (IOException error) {
            throw new ConnectException(error);
        }
    }

    @Override
    public List<SourceRecord> poll() throws InterruptedException {
        List<SourceRecord> records = new ArrayList<>(batchSize);
        try {
            String line;
            while (records.size() < batchSize && (line = lines.readLine()) != null) {
                given++;
                if (line.startsWith("#")) {
                    continue;
                }
                var value = parser.parse(line);
                records.add(new SourceRecord(partition, Map.of("line", given), topic, null, null, null,
                    ElffLine.SCHEMA, value, parser.timeMs()));
            }
        } catch (IOException error) {
            throw new ConnectException(error);
        }
        if (records.isEmpty()) {
            Thread.sleep(IDLE_MS);
            return null;
        }
        return records;
    }

    @Override
    public void stop() {
        try {
            if (lines != null) {
                lines.close();
            }
        } catch (IOException error) {
            throw new ConnectException(error);
        }
    }
}
