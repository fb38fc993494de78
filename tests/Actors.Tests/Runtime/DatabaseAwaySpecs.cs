using Akka.Streams.Dsl;
using Microsoft.Data.Sqlite;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;
using StreamMLOps.Tests;

namespace StreamMLOps.Actors.Tests.Runtime;

/// <summary>Specs that measure the memory of the whole process: no other spec runs beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneCollection
{
    public const string Name = "alone";
}

/// <summary>Another process holds the database's lock: scoring keeps on, learning waits, both go on by themselves.</summary>
[Collection(AloneCollection.Name)]
public sealed class DatabaseAwaySpecs : IDisposable
{
    private const int N = 100_000; // at 12,800 a second: a learner that recovers takes its time to answer, and the stream must still be on its way then
    private readonly string _folder = TestNode.NewFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task While_the_database_is_locked_scoring_goes_on_and_learning_waits() => await Locked("", LearnerState.WaitingForDatabase);

    [Fact]
    public async Task A_lock_that_outlasts_the_writes_patience_stops_the_learner_which_recovers_by_itself() =>
        await Locked("akka.persistence.journal.sql.connection-string = \"Data Source=FOLDER/journal.db;Default Timeout=1\"", LearnerState.Recovering);

    private async Task Locked(string config, LearnerState expected)
    {
        var path = Path.Combine(_folder, "rows.svm");
        await System.IO.File.WriteAllTextAsync(path, SyntheticRows.SvmLight(0, N));
        await using var node = await TestNode.Start(_folder, path, new LearnerOptions(MaxRows: 512), extraConfig: config.Replace("FOLDER", _folder), source: new Paced(path, _folder));
        await node.Until(s => s.Learner.Rows > 2_000);

        await using var other = new SqliteConnection($"Data Source={node.JournalPath}");
        await other.OpenAsync();
        await using (var begin = other.CreateCommand())
        {
            begin.CommandText = "begin immediate";
            await begin.ExecuteNonQueryAsync();
        }
        await using var newest = other.CreateCommand();
        newest.CommandText = "select max(sequence_number) from journal";
        var last = (long)(await newest.ExecuteScalarAsync())!;
        var waiting = await node.Until(s => s.Learner.State == expected);
        // What was stored before the lock may still be on its way to the replica.
        waiting = await node.Until(s => s.ReplicaSequence == last);
        var scoredBefore = waiting.Score.Committed[0].Predicted;
        var learnedBefore = node.Pipeline.Replica.Read(f => f!.Learner.Rows);
        var memoryBefore = GC.GetTotalMemory(forceFullCollection: true);

        var later = await node.Until(s => s.Score.Committed[0].Predicted > scoredBefore + 12_000);
        Assert.Equal(ScoreLegState.Running, later.Score.State);
        Assert.Equal(learnedBefore, node.Pipeline.Replica.Read(f => f!.Learner.Rows));
        var grown = GC.GetTotalMemory(forceFullCollection: true) - memoryBefore;
        Assert.True(grown < 16 << 20, $"memory grew by {grown >> 10} KiB while the database was locked");

        await using (var end = other.CreateCommand())
        {
            end.CommandText = "rollback";
            await end.ExecuteNonQueryAsync();
        }
        var status = await node.Until(s => s.Finished, TimeSpan.FromSeconds(120));
        Assert.All(status.Ledger, l => Assert.True(l.Balances, l.ToString()));
        Assert.Equal(N, status.Learner.Rows);
        var alone = new ProgressiveLearner(Rows.Model());
        using var batch = new RowBatch();
        foreach (var line in System.IO.File.ReadLines(path))
        {
            batch.Clear();
            SvmLightParser.Parse(System.Text.Encoding.UTF8.GetBytes(line), batch, out _);
            alone.Learn(batch[0], ProgressiveLearner.ContentOf(batch, 0), batch.Labels[0]);
        }
        Assert.Equal(StateHash.Of(alone.Save), node.Pipeline.Replica.Read(f => f!.LearnedHash()));
    }

    /// <summary>A file whose chunks are small, so that the stream is still on its way when the database is locked.</summary>
    private sealed class Paced(string path, string folder) : ISource
    {
        private readonly FileSource _file = new(new FileSourceSettings(path) { Limits = new ChunkLimits { Rows = 32 } }, new FileCommitStore(folder));

        public string Name => _file.Name;

        public IReadOnlyList<PartitionPosition> Partitions() => _file.Partitions();

        public Source<RawChunk, Akka.NotUsed> ReadFrom(IReadOnlyList<PartitionPosition> positions) => _file.ReadFrom(positions);

        public ISubscription Subscribe(string group) => new Subscription(_file.Subscribe(group));

        public IReadOnlyList<CommittedPartition> Committed(string group) => _file.Committed(group);

        private sealed class Subscription(ISubscription inner) : ISubscription
        {
            public Source<RawChunk, Akka.NotUsed> Chunks =>
                (Source<RawChunk, Akka.NotUsed>)inner.Chunks.Throttle(400, TimeSpan.FromSeconds(1), 1, Akka.Streams.ThrottleMode.Shaping);

            public IReadOnlyList<CommittedPartition> Committed() => inner.Committed();

            public ValueTask Commit(IReadOnlyList<CommittedPartition> partitions) => inner.Commit(partitions);
        }
    }
}
