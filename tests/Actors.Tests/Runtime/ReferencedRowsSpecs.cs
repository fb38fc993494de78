using Microsoft.Data.Sqlite;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;
using StreamMLOps.Tests;
using Xunit.Abstractions;

namespace StreamMLOps.Actors.Tests.Runtime;

/// <summary>Events that name their rows by position: the same states as with rows in the events, for recovery, replica, audit and verification; and what is said once the log no longer has them.</summary>
public sealed class ReferencedRowsSpecs(ITestOutputHelper output) : IDisposable
{
    private const int Count = 12_000;
    private static readonly LearnerOptions Embedded = new(MaxRows: 500), Referenced = new(MaxRows: 500) { RowsByReference = true };
    private readonly string _folder = TestNode.NewFolder();
    private readonly string _rows = Path.Combine(TestNode.NewFolder(), "rows.svm");

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
        Directory.Delete(Path.GetDirectoryName(_rows)!, recursive: true);
    }

    [Fact]
    public async Task Both_forms_give_the_same_states_and_the_one_by_reference_is_small()
    {
        Write(Lines());
        var (embedded, large) = await Learn(Embedded, Path.Combine(_folder, "embedded"));
        var folder = Path.Combine(_folder, "referenced");
        var (referenced, small) = await Learn(Referenced, folder);
        output.WriteLine($"{large} bytes of events with their rows, {small} by reference");
        Assert.Equal(embedded, referenced);
        Assert.InRange(small, 1, large / 20);

        // A learner that has no snapshot, its replica, verification and audit read the rows from the file.
        DropSnapshots(folder);
        await using var node = await TestNode.Start(folder, _rows, Referenced);
        await node.Until(s => s.Finished);
        Assert.Equal(referenced, node.Pipeline.Replica.Read(f => f!.LearnedHash()));
        var verification = await new Verifier(node.Journal, TestNode.Define).Verify(node.Definition.PersistenceId);
        Assert.Empty(verification.Faults);
        Assert.Equal((Count, referenced), (verification.Rows, verification.LearnedHash));
        var sample = node.Predictions().Where((_, i) => i % 97 == 0).ToList();
        var audited = await new Auditor(node.Journal, TestNode.Define, _ => (node.Definition.Source, node.Definition.Decoder), node.System).Audit(sample);
        Assert.All(audited, a => Assert.Equal((AuditOutcome.Identical, "source"), (a.Outcome, a.FeaturesFrom)));
    }

    [Fact]
    public async Task A_journal_may_have_events_of_both_forms()
    {
        Write(Lines().Take(Count / 2));
        await Learn(Embedded, _folder, Count / 2);
        Write(Lines());
        DropSnapshots(_folder);
        var (mixed, _) = await Learn(Referenced, _folder);
        DropSnapshots(_folder);
        await using var node = await TestNode.Start(_folder, _rows, Embedded);
        await node.Until(s => s.Finished);
        Assert.Equal(mixed, (await node.Journal.Rebuild(node.Definition.PersistenceId, TestNode.Define, useSnapshots: false))!.LearnedHash());
        Assert.Equal(Alone(), mixed);
    }

    [Theory]
    [InlineData("cut", "cannot be read any more", "is shorter|ends before|ends at")]
    [InlineData("edited", "has others there now", "put the former log back")]
    public async Task Rows_that_the_log_no_longer_has_are_named_and_what_a_snapshot_has_goes_on(string how, string what, string toDo)
    {
        Write(Lines());
        var (learned, _) = await Learn(Referenced, _folder);
        Write(how == "cut" ? Lines().Take(Count / 2) : Lines().Select((line, i) => i == Count / 3 ? line.Replace("+1", "-1", StringComparison.Ordinal).Replace(":1 ", ":2 ", StringComparison.Ordinal) : line));

        await using (var node = await TestNode.Start(_folder, _rows, Referenced))
        {
            var fold = await node.Journal.Rebuild(node.Definition.PersistenceId, TestNode.Define);
            Assert.Equal(learned, fold!.LearnedHash());
            var verification = await new Verifier(node.Journal, TestNode.Define).Verify(node.Definition.PersistenceId);
            var fault = verification.Faults[0];
            output.WriteLine(fault);
            Assert.Contains(what, fault);
            Assert.Matches(toDo, fault);
        }
        DropSnapshots(_folder);
        await using var without = await TestNode.Start(_folder, _rows, Referenced);
        var refused = await without.Until(s => s.Learner.State == LearnerState.Refused);
        Assert.Contains(what, refused.Learner.Detail);
    }

    private async Task<(StateHash Learned, long Bytes)> Learn(LearnerOptions options, string folder, int rows = Count)
    {
        Directory.CreateDirectory(folder);
        await using var node = await TestNode.Start(folder, _rows, options);
        var status = await node.Until(s => s.Finished);
        Assert.Equal(rows, status.Learner.Rows);
        await node.Pipeline.Stop();
        var fold = (await node.Journal.Rebuild(node.Definition.PersistenceId, TestNode.Define, useSnapshots: false))!;
        Assert.Equal(fold.Hash(), (await node.Journal.Rebuild(node.Definition.PersistenceId, TestNode.Define))!.Hash());
        return (fold.LearnedHash(), fold.EventBytes);
    }

    private static IEnumerable<string> Lines() => SyntheticRows.SvmLight(0, Count).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private void Write(IEnumerable<string> lines) => File.WriteAllText(_rows, string.Concat(lines.Select(l => l + "\n")));

    private static StateHash Alone()
    {
        var learner = new ProgressiveLearner(Rows.Model());
        using var batch = new RowBatch();
        foreach (var line in Lines())
        {
            batch.Clear();
            Assert.Equal(RowFault.None, SvmLightParser.Parse(System.Text.Encoding.UTF8.GetBytes(line), batch, out _));
            learner.Learn(batch[0], ProgressiveLearner.ContentOf(batch, 0), batch.Labels[0]);
        }
        return StateHash.Of(learner.Save);
    }

    private static void DropSnapshots(string folder)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(folder, "journal.db")}");
        connection.Open();
        using var drop = connection.CreateCommand();
        drop.CommandText = "delete from snapshot";
        Assert.True(drop.ExecuteNonQuery() > 0);
    }
}
