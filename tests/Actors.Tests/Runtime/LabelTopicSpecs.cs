using System.Globalization;
using System.Text;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;
using StreamMLOps.Tests;
using Xunit.Abstractions;

namespace StreamMLOps.Actors.Tests.Runtime;

/// <summary>Rows in one file, labels in another: scored at once, learned when a label comes, exactly once.</summary>
public sealed partial class LabelTopicSpecs(ITestOutputHelper output) : IDisposable
{
    private const long Horizon = 2_000;
    private readonly string _folder = TestNode.NewFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>A stream with all that can happen to labels, in the order of their times, and what a reference makes of it.</summary>
    private sealed class Stream
    {
        private readonly List<(long Time, bool IsLabel, string Line)> _records = [];

        public Stream(int rows, int seed)
        {
            var random = new Random(seed);
            for (var n = 0; n < rows; n++)
            {
                var (features, positive) = SyntheticRows.Row(n);
                long time = 10_000 + n * 3;
                var id = random.Next(20) == 0 && n > 10 ? n - random.Next(1, 10) : n;
                var f = string.Join(',', features.Select(x => $"\"{x.Key}\":{x.Value.ToString("R", CultureInfo.InvariantCulture)}"));
                Add(time, false, $"{{\"id\":\"r{id}\",\"f\":{{{f}}},\"st\":{time}}}");
                var label = positive ? 1 : 0;
                switch (random.Next(20))
                {
                    case 0: break; // never
                    case 1: Label(n, time - random.Next(1, 300), label); break; // early
                    case 2: Label(n, time + Horizon + random.Next(200, 500), label); break; // late
                    case 3: Label(n, time + 50, label); Label(n, time + random.Next(60, 500), label); break; // twice
                    case 4: Label(n, time + 50, label); Label(n, time + random.Next(60, 500), 1 - label); break; // contradictory
                    case 5: Label(n, time + 50, label); Label(n, time + random.Next(60, 500), 1 - label, ",\"corrects\":true"); break;
                    case 6: Label(n, time - random.Next(200, 300), 1 - label); Label(n, time - random.Next(1, 100), label, ",\"corrects\":true,\"weight\":2"); break;
                    case 7: Label(-n, time + 5, label); break; // an orphan, and none for the row
                    case 8: Add(time, true, "{\"id\":\"r1\",\"y\":"); Label(n, time + 20, label, ",\"weight\":0.5"); break; // a record that is no label
                    default: Label(n, time + random.Next(5, 900), label); break;
                }
            }

            void Label(int n, long time, int y, string more = "") => Add(time, true, $"{{\"id\":\"r{n}\",\"y\":{y},\"st\":{time}{more}}}");
            void Add(long time, bool isLabel, string line) => _records.Add((time, isLabel, line));
        }

        public string Rows => Log(false);

        public string Labels => Log(true);

        private string Log(bool labels) => string.Concat(_records.Where(r => r.IsLabel == labels).OrderBy(r => r.Time).Select(r => r.Line + "\n"));
    }

    private TestNode.LabelsApart Labels(string folder, bool onDisk)
    {
        var path = Path.Combine(folder, "pending");
        return new TestNode.LabelsApart(new FileSource(new FileSourceSettings(Path.Combine(_folder, "labels.jsonl"))), empty =>
        {
            if (!onDisk) return new MemoryPendingStore();
            if (empty && Directory.Exists(path)) Directory.Delete(path, recursive: true);
            return new FasterPendingStore(path, 16 << 20, 1 << 14);
        }, Horizon);
    }

    private async Task<TestNode> Start(string folder, bool onDisk, LearnerOptions? options = null, int chunk = 256, ModelSpec? model = null, long maxLead = long.MaxValue)
    {
        Directory.CreateDirectory(folder);
        var rows = Path.Combine(_folder, "rows.jsonl");
        return await TestNode.Start(
            folder, rows, options ?? new LearnerOptions(MaxRows: 300, SnapshotEveryEvents: 4), model: model, decoder: new JsonDecoder(),
            source: new FileSource(new FileSourceSettings(rows) { Limits = new ChunkLimits { Rows = chunk } }, new FileCommitStore(folder)), labels: Labels(folder, onDisk), maxLead: maxLead);
    }

    private void Write(Stream stream)
    {
        File.WriteAllText(Path.Combine(_folder, "rows.jsonl"), stream.Rows);
        File.WriteAllText(Path.Combine(_folder, "labels.jsonl"), stream.Labels);
    }

    // What a learner that never stopped makes of the two files, without Akka and without a journal.
    private (StateHash Learned, JoinCounts Counts) Alone(ModelSpec? model = null)
    {
        var learner = new ProgressiveLearner(model ?? Rows.Model());
        var state = new JoinState(Horizon);
        var epochs = (new FileSource(new FileSourceSettings(Path.Combine(_folder, "rows.jsonl"))).Partitions()[0], new FileSource(new FileSourceSettings(Path.Combine(_folder, "labels.jsonl"))).Partitions()[0]);
        state.Begin(labels: false, epochs.Item1);
        state.Begin(labels: true, epochs.Item2);
        using var rows = Decode("rows.jsonl", new JsonDecoder());
        using var labels = Decode("labels.jsonl", new LabelDecoder());
        var join = new LabelJoin(state, new MemoryPendingStore(), new Learns(learner, rows), learner.Model.Spec.Kind.Supervision);
        var (r, l) = (0, 0);
        while (r < rows.Count || l < labels.Count)
        {
            if (l == labels.Count || (r < rows.Count && Math.Max(rows.TimeOf(r), state.Find(false, 0)!.Time) <= Math.Max(labels.TimeOf(l), state.Find(true, 0)!.Time)))
            {
                join.Features(0, rows.OffsetOf(r), rows.IdOf(r), rows.TimeOf(r), BitConverter.GetBytes(r));
                r++;
            }
            else
            {
                join.Label(0, labels.OffsetOf(l), labels.IdOf(l), labels.TimeOf(l), labels.Rows.Labels[l], LabelRows.Corrects(labels, l), LabelRows.WeightOf(labels, l));
                l++;
            }
        }
        return (StateHash.Of(learner.Save), join.Counts);
    }

    private Chunk Decode(string file, IDecoder decoder)
    {
        var bytes = File.ReadAllLines(Path.Combine(_folder, file)).Select(Encoding.UTF8.GetBytes).ToList();
        using var raw = new RawChunk(0, 1, 0, bytes.Sum(b => b.Length), bytes.Count);
        foreach (var line in bytes) raw.Add(line);
        raw.To = bytes.Count;
        return decoder.Decode(raw);
    }

    private sealed class Learns(ProgressiveLearner learner, Chunk rows) : IJoinSink
    {
        public bool Learn(in JoinedPair pair, ReadOnlySpan<byte> id, ReadOnlySpan<byte> row)
        {
            // Of an unsupervised kind, the weight of a label has no say.
            Learn(row, pair.Label, learner.Model.Spec.Kind.Supervision == Supervision.Unsupervised ? 1 : pair.Weight);
            return true;
        }

        public double LearnUnlabelled(int partition, long offset, ReadOnlySpan<byte> id, ReadOnlySpan<byte> row) => Learn(row, double.NaN, 1);

        public void Evaluate(in JoinedPair pair, ReadOnlySpan<byte> id, double score, long age) => learner.Evaluate(pair.Label, [score]);

        private double Learn(ReadOnlySpan<byte> row, double label, double weight)
        {
            var i = BitConverter.ToInt32(row);
            using var one = new RowBatch(1, 64);
            one.BeginRow();
            for (var k = rows.Rows.Starts[i]; k < rows.Rows.Starts[i + 1]; k++) one.Add(rows.Rows.Indices[k], rows.Rows.Values[k], rows.Rows.NameOf(k));
            one.TryEndRow(label);
            return learner.Learn(one[0], ProgressiveLearner.ContentOf(one, 0), label, weight)[0];
        }

        public void Expire(int partition, long offset, ReadOnlySpan<byte> id, ReadOnlySpan<byte> row)
        {
            if (!row.IsEmpty) Learn(row, double.NaN, 1);
        }

        public void Orphan(int partition, long offset)
        {
        }

        public void Correct(ReadOnlySpan<byte> id, double label, double weight)
        {
        }
    }

    [Fact]
    public async Task Rows_and_labels_from_two_files_are_scored_and_learned_and_every_promise_holds()
    {
        Write(new Stream(5_000, seed: 7));
        var (expected, counts) = Alone();
        var metered = new System.Collections.Concurrent.ConcurrentDictionary<string, long>();
        using var listener = new System.Diagnostics.Metrics.MeterListener
        {
            InstrumentPublished = (instrument, l) =>
            {
                if (instrument.Name.StartsWith("streammlops.ledger", StringComparison.Ordinal)) l.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => metered[$"{instrument.Name} {string.Join(' ', tags.ToArray().Select(t => t.Value))}"] = value);
        listener.Start();
        await using var node = await Start(_folder, onDisk: true);
        var status = await node.Until(s => s.Finished);

        // Of the labels: other specs have pipelines of the same name in this process, and none of them has labels apart.
        Assert.Equal((status.Learner.Labels[0].Late, 0), (metered["streammlops.ledger spec labels 0 late"], metered["streammlops.ledger.remainder spec labels 0"]));
        Assert.Equal(expected, node.Pipeline.Replica.Read(f => f!.LearnedHash()));
        var (rows, labels) = (Assert.Single(status.Learner.Partitions), Assert.Single(status.Learner.Labels));
        output.WriteLine($"{rows}\n{labels}");
        Assert.Equal((0, 0), (rows.Remainder, labels.Remainder));
        Assert.Equal((counts.Learned, counts.Expired, counts.DuplicateFeatures, counts.WaitingFeatures), (rows.Learned, rows.Expired, rows.Duplicate, rows.Waiting));
        Assert.Equal(
            (counts.Learned, counts.Orphans, counts.DuplicateLabels, counts.Contradictory, counts.Corrected, counts.Late, counts.WaitingLabels, counts.Early),
            (labels.Learned, labels.Orphans, labels.Duplicate, labels.Contradictory, labels.Corrected, labels.Late, labels.Waiting, labels.Early));
        Assert.All(new[] { rows.Learned, rows.Expired, rows.Duplicate, labels.Orphans, labels.Duplicate, labels.Contradictory, labels.Corrected, labels.Late, labels.Early, labels.DeadLettered }, n => Assert.True(n > 0));
        Assert.True(Assert.Single(status.Ledger).Balances, status.Ledger[0].ToString());

        var fromNothing = await node.Journal.Rebuild(node.Definition.PersistenceId, TestNode.Define, useSnapshots: false);
        Assert.Equal(fromNothing!.Hash(), node.Pipeline.Replica.Read(f => f!.Hash()));
        var verification = await new Verifier(node.Journal, TestNode.Define).Verify(node.Definition.PersistenceId);
        Assert.Empty(verification.Faults);
        Assert.True(verification.Snapshots > 1);

        var predictions = node.Predictions();
        Assert.Equal(5_000, predictions.Count);
        var auditor = new Auditor(node.Journal, TestNode.Define, _ => (node.Definition.Source, node.Definition.Decoder), node.System);
        var audited = await auditor.Audit([.. predictions.Where((_, i) => i % 97 == 0)]);
        Assert.All(audited, a => Assert.Equal(AuditOutcome.Identical, a.Outcome));
        Assert.Contains(audited, a => a.FeaturesFrom == "journal");
        Assert.Contains(audited, a => a.FeaturesFrom == "source");

        var letters = File.ReadAllLines(Path.Combine(_folder, "dead-letters.jsonl"));
        Assert.Equal(labels.DeadLettered, letters.Length);
        Assert.All(letters, l => Assert.Contains("\"stage\":\"decode-label\"", l));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Wherever_a_node_stops_and_however_its_chunks_and_events_are_cut_it_learns_the_same(bool onDisk)
    {
        Write(new Stream(2_500, seed: 11));
        var (expected, counts) = Alone();
        foreach (var (stop, chunk, events) in new[] { (400L, 7, 50), (1_200L, 256, 300), (2_000L, 64, 20) })
        {
            var folder = Path.Combine(_folder, $"{stop}-{chunk}");
            var options = new LearnerOptions(MaxRows: events, SnapshotEveryEvents: 5, SnapshotEveryBytes: long.MaxValue);
            await using (var first = await Start(folder, onDisk, options, chunk))
            {
                await first.Until(s => s.Learner.Rows > stop / 2);
                await first.Pipeline.Stop();
            }
            await using (var second = await Start(folder, onDisk, options, chunk))
            {
                // Without a drain: what was not persisted is lost, as by a kill.
                await second.Until(s => s.Learner.Rows > stop);
            }
            await using var node = await Start(folder, onDisk, options, chunk);
            var status = await node.Until(s => s.Finished);
            Assert.Equal(expected, node.Pipeline.Replica.Read(f => f!.LearnedHash()));
            Assert.Equal((counts.Learned, counts.Expired, counts.Late), (status.Learner.Partitions[0].Learned, status.Learner.Partitions[0].Expired, status.Learner.Labels[0].Late));
            Assert.All(status.Learner.Partitions, p => Assert.Equal(0, p.Remainder));
            Assert.All(status.Learner.Labels, l => Assert.Equal(0, l.Remainder));
        }
    }

    [Fact]
    public async Task A_jump_of_time_that_expires_more_than_an_event_can_hold_is_several_events()
    {
        var id = new string('x', 1_000);
        var rows = new StringBuilder();
        for (var n = 0; n < 2_600; n++) rows.Append(CultureInfo.InvariantCulture, $"{{\"id\":\"{n}{id}\",\"f\":{{\"1\":1}},\"st\":{1_000 + n % 3}}}\n");
        File.WriteAllText(Path.Combine(_folder, "rows.jsonl"), rows + "{\"id\":\"last\",\"f\":{\"2\":1},\"st\":100000}\n");
        File.WriteAllText(Path.Combine(_folder, "labels.jsonl"), "{\"id\":\"last\",\"y\":1,\"st\":100001}\n{\"id\":\"5" + id + "\",\"y\":1,\"st\":100002}\n");
        await using var node = await Start(_folder, onDisk: true);
        var status = await node.Until(s => s.Finished);
        var (row, label) = (status.Learner.Partitions[0], status.Learner.Labels[0]);
        Assert.Equal((2_600, 1, 0, 0), (row.Expired, row.Learned, row.Waiting, row.Remainder));
        Assert.Equal((1, 1, 0), (label.Late, label.Learned, label.Remainder));
        var largest = 0;
        await foreach (var (_, e) in node.Journal.Read(node.Definition.PersistenceId, 1)) largest = Math.Max(largest, e.Bytes.Length);
        Assert.InRange(largest, 1 << 20, 3 << 20);
        Assert.Empty((await new Verifier(node.Journal, TestNode.Define).Verify(node.Definition.PersistenceId)).Faults);
    }

    [Fact]
    public async Task Of_a_fifth_of_duplicates_within_the_horizon_each_row_and_label_is_learned_once()
    {
        const int n = 2_000;
        var random = new Random(3);
        var (rows, labels, alone) = (new List<string>(), new List<string>(), new ProgressiveLearner(Rows.Model()));
        for (var i = 0; i < n; i++)
        {
            var (features, positive) = SyntheticRows.Row(i);
            rows.Add($"{{\"id\":\"r{i}\",\"st\":{1_000 + i},\"f\":{{{string.Join(',', features.Select(x => $"\"{x.Key}\":{x.Value.ToString("R", CultureInfo.InvariantCulture)}"))}}}}}");
            labels.Add($"{{\"id\":\"r{i}\",\"st\":{1_000 + i},\"y\":{(positive ? 1 : 0)}}}");
            if (i > 100 && random.Next(5) == 0) rows.Add(rows[random.Next(rows.Count - 100, rows.Count)]);
            if (i > 100 && random.Next(5) == 0) labels.Add(labels[random.Next(labels.Count - 100, labels.Count)]);
            using var one = new RowBatch(1, 64);
            one.BeginRow();
            foreach (var (index, value) in features) one.Add(index, value);
            one.TryEndRow(positive ? 1 : 0);
            alone.Learn(one[0], ProgressiveLearner.ContentOf(one, 0), positive ? 1 : 0);
        }
        File.WriteAllLines(Path.Combine(_folder, "rows.jsonl"), rows);
        File.WriteAllLines(Path.Combine(_folder, "labels.jsonl"), labels);
        await using var node = await Start(_folder, onDisk: true);
        var status = await node.Until(s => s.Finished);
        Assert.Equal((n, rows.Count - n), (status.Learner.Partitions[0].Learned, status.Learner.Partitions[0].Duplicate));
        Assert.Equal((n, labels.Count - n), (status.Learner.Labels[0].Learned, status.Learner.Labels[0].Duplicate));
        Assert.Equal(StateHash.Of(alone.Save), node.Pipeline.Replica.Read(f => f!.LearnedHash()));
    }
}
