using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors.Tests.Replica;

using Replica = StreamMLOps.Actors.Replica;

public sealed class ReplicaSpecs
{
    private static (LearnerFold Fold, List<Published> Events) Learn(int events, int rows = 50)
    {
        var fold = Rows.Fold();
        var published = new List<Published>();
        for (var i = 0; i < events; i++)
        {
            using var chunk = Rows.Chunk(i * rows, (i + 1) * rows);
            fold.Learn(chunk);
            published.Add(new Published(i + 2, fold.Seal(i)));
        }
        return (fold, published);
    }

    private static Replica New()
    {
        var replica = new Replica(new PipelineClocks(), TimeProvider.System);
        replica.Replace(Rows.Fold());
        return replica;
    }

    [Fact]
    public void It_follows_the_learner_event_by_event_to_the_same_state()
    {
        var (learner, events) = Learn(10);
        using var replica = New();
        foreach (var e in events) replica.Offer(e);
        Assert.Equal(learner.Hash(), replica.Read(f => f!.Hash()));
    }

    [Fact]
    public void Scoring_changes_nothing_and_names_the_version_that_scored()
    {
        var (_, events) = Learn(4);
        using var replica = New();
        foreach (var e in events.Take(2)) replica.Offer(e);
        var before = replica.Read(f => f!.Hash());
        using var chunk = Rows.Chunk(60, 120);
        replica.Score(chunk);
        Assert.Equal(before, replica.Read(f => f!.Hash()));
        Assert.Equal(new ModelVersion("main", 0, 3), chunk.Version);
        Assert.Equal(100, chunk.LearnedBelow);
    }

    [Fact]
    public async Task Scoring_beside_applying_never_sees_half_an_event()
    {
        var (_, events) = Learn(120, rows: 20);
        // What each version answers, computed one after the other.
        var expected = new Dictionary<long, double[]>();
        using (var alone = New())
        {
            foreach (var e in events)
            {
                alone.Offer(e);
                expected[e.Sequence] = Scores(alone).Scores;
            }
            expected[1] = new double[40];
            Array.Fill(expected[1], 0.5);
        }
        using var replica = New();
        var versions = new List<long>();
        var feeding = Task.Run(() =>
        {
            foreach (var e in events) replica.Offer(e);
        });
        while (versions.Count == 0 || versions[^1] < events[^1].Sequence)
        {
            var (version, scores) = Scores(replica);
            Assert.Equal(expected[version], scores);
            versions.Add(version);
        }
        await feeding.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Equal(versions.Order(), versions);
    }

    [Fact]
    public void An_event_of_another_history_is_not_applied_and_the_version_there_is_goes_on_scoring()
    {
        var (_, events) = Learn(3);
        var (_, others) = Learn(3, rows: 49);
        using var replica = New();
        replica.Offer(events[0]);
        replica.Offer(others[1]);
        Assert.NotNull(replica.Broken);
        Assert.Equal(2, Scores(replica).Version);
        replica.Replace(Rows.Fold());
        Assert.Null(replica.Broken);
    }

    [Fact]
    public void A_state_that_may_be_half_an_event_never_scores()
    {
        var (_, events) = Learn(2);
        var e = (Learned)events[0].Event;
        using var replica = New();
        replica.Offer(new Published(2, Learned.Create(e.Before, e.After ^ 1, e.Time, e.Ranges, e.Rows, e.Bytes.AsSpan(e.RowsAt))));
        Assert.Contains("gives fingerprint", replica.Broken);
        Assert.Throws<InvalidOperationException>(() => Scores(replica));
        replica.Replace(Rows.Fold());
        foreach (var sound in events) replica.Offer(sound);
        Assert.Equal(3, Scores(replica).Version);
    }

    [Fact]
    public void Versions_never_go_back()
    {
        var (_, events) = Learn(3);
        using var replica = New();
        foreach (var e in events) replica.Offer(e);
        replica.Replace(Rows.Fold());
        Assert.Equal(4, replica.Sequence);
        foreach (var e in events) replica.Offer(e);
        Assert.Equal(4, replica.Sequence);
        Assert.Null(replica.Broken);
    }

    private static (long Version, double[] Scores) Scores(Replica replica)
    {
        using var chunk = Rows.Chunk(5_000, 5_040);
        replica.Score(chunk);
        return (chunk.Version.Sequence, Enumerable.Range(0, chunk.Count).Select(i => chunk.ScoresOf(i)[0]).ToArray());
    }
}
