namespace StreamMLOps.Learning.Tests.Drift;

/// <summary>Detectors that compare the newest values with a reference: of features and scores, whatever their distribution.</summary>
public class ReferenceDetectorTests
{
    [Theory]
    [InlineData("population-stability")]
    [InlineData("kolmogorov-smirnov")]
    public void A_change_of_the_spread_is_found_where_the_mean_stays(string kind)
    {
        var detector = Detectors.Create(kind);
        var random = new Random(21);
        for (var i = 0; i < 20_000; i++) Assert.NotEqual(DriftState.Drift, detector.Update(random.NextDouble() - 0.5));
        var found = Enumerable.Range(0, 1_000).FirstOrDefault(_ => detector.Update(3 * (random.NextDouble() - 0.5)) == DriftState.Drift, -1);
        Assert.True(found >= 0, "no drift was signalled");
        // What came after the drift is the new reference.
        for (var i = 0; i < 5_000; i++) Assert.NotEqual(DriftState.Drift, detector.Update(3 * (random.NextDouble() - 0.5)));
    }

    [Fact]
    public void The_index_follows_its_definition()
    {
        var detector = new PopulationStability(reference: 100, window: 50, bins: 4, clock: 1_000);
        for (var i = 0; i < 100; i++) detector.Update(i);
        // Odd ones out have left the window again.
        for (var i = 0; i < 20; i++) detector.Update(1_000);
        for (var i = 0; i < 50; i++) detector.Update(2 * i + 30);
        // Bins to 24, 49, 74, 99 and above, half a value added to each: from 30, 10 values are in the second, 13, 12 and 15 in the next ones.
        double[] expected = [25.5, 25.5, 25.5, 25.5, 0.5];
        double[] found = [0.5, 10.5, 13.5, 12.5, 15.5];
        var index = expected.Zip(found).Sum(s => (s.Second / 52.5 - s.First / 102.5) * Math.Log(s.Second / 52.5 / (s.First / 102.5)));
        Assert.Equal(index, detector.Index, 12);
    }

    [Fact]
    public void The_distance_is_that_of_the_distribution_functions()
    {
        var random = new Random(22);
        var detector = new KolmogorovSmirnov(reference: 80, window: 60, clock: 1_000);
        var first = Enumerable.Range(0, 80).Select(_ => Math.Round(random.NextDouble(), 1)).ToArray();
        var last = Enumerable.Range(0, 60).Select(_ => Math.Round(random.NextDouble() * random.NextDouble(), 1)).ToArray();
        foreach (var value in first) detector.Update(value);
        for (var i = 0; i < 17; i++) detector.Update(0.3);
        Assert.Equal(0, detector.Distance);
        foreach (var value in last) detector.Update(value);
        var exact = first.Concat(last).Max(x => Math.Abs(first.Count(v => v <= x) / 80.0 - last.Count(v => v <= x) / 60.0));
        Assert.Equal(exact, detector.Distance, 14);
    }
}
