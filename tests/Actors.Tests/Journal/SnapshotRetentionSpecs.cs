namespace StreamMLOps.Actors.Tests.Journal;

public sealed class SnapshotRetentionSpecs
{
    [Fact]
    public void The_newest_stay_and_the_older_ones_thin_out_to_one_for_each_doubling_of_age()
    {
        var kept = new List<long>();
        for (long n = 10; n <= 10_000; n += 10)
        {
            kept.Add(n);
            foreach (var gone in SnapshotRetention.Surplus(kept, 3)) kept.Remove(gone);
            Assert.True(kept.Count <= 3 + 15, $"{kept.Count} snapshots are kept at {n}");
            Assert.Equal(kept.TakeLast(3), Enumerable.Range(0, 3).Select(i => n - 10 * (2 - i)).Where(s => s > 0));
        }
        // Old versions stay near a snapshot: never further from one than their age.
        for (long version = 100; version < 10_000; version += 50)
            Assert.Contains(kept, s => s <= version || s <= 10_000 - (10_000 - version) / 2);
        Assert.True(kept.Min() <= 5_000);
    }
}
