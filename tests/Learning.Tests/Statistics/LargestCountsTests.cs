namespace StreamMLOps.Learning.Tests.Statistics;

public class LargestCountsTests
{
    [Theory, InlineData(1), InlineData(3), InlineData(1_000), InlineData(1e300)]
    public void They_are_those_that_sorting_finds_and_of_equal_ones_the_first(double scale)
    {
        var random = new Random(7);
        for (var round = 0; round < 300; round++)
        {
            var counts = new double[random.Next(1, 400)];
            for (var i = 0; i < counts.Length; i++) counts[i] = random.Next(4) == 0 ? 0 : random.Next(2) == 0 ? random.Next(1, 6) * scale : random.NextDouble() * scale;
            var most = random.Next(0, counts.Length + 5);
            var places = new int[counts.Length];
            var found = LargestCounts.Find(counts, most, places);
            var sorted = Enumerable.Range(1, counts.Length).OrderByDescending(p => counts[p - 1]).ThenBy(p => p).Take(most).Order();
            Assert.Equal(sorted, places[..found]);
        }
    }
}
