namespace StreamMLOps.Learning.Tests.Numerics;

public class DeterministicLogsTests
{
    [Fact]
    public void Four_at_a_time_have_the_bits_of_one_at_a_time()
    {
        var random = new Random(1);
        var numbers = new double[4 * 100_000 + 3];
        for (var i = 0; i < numbers.Length; i++)
            numbers[i] = (i % 8191) switch
            {
                0 => 0,
                1 => double.Epsilon,
                2 => -1,
                3 => double.PositiveInfinity,
                4 => double.NaN,
                5 => double.MaxValue,
                6 => 2.2250738585072014e-308,
                7 => 1,
                _ when i % 2 == 0 => random.NextDouble(),
                _ => BitConverter.Int64BitsToDouble(random.NextInt64(0, 0x7FF0_0000_0000_0000)),
            };
        var logs = numbers.ToArray();
        DeterministicLogs.InPlace(logs);
        for (var i = 0; i < numbers.Length; i++)
            Assert.Equal(BitConverter.DoubleToInt64Bits(DeterministicMath.Log(numbers[i])), BitConverter.DoubleToInt64Bits(logs[i]));
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3), InlineData(5), InlineData(6), InlineData(7)]
    public void So_have_those_that_are_left_over(int count)
    {
        double[] odd = [0, -1, double.NaN, double.PositiveInfinity, double.Epsilon, 1];
        var random = new Random(count);
        for (var round = 0; round < 10_000; round++)
        {
            var numbers = Enumerable.Range(0, count).Select(_ => random.Next(10) == 0 ? odd[random.Next(odd.Length)] : random.NextDouble() * 100).ToArray();
            var logs = numbers.ToArray();
            DeterministicLogs.InPlace(logs);
            Assert.Equal(numbers.Select(n => BitConverter.DoubleToInt64Bits(DeterministicMath.Log(n))), logs.Select(BitConverter.DoubleToInt64Bits));
        }
    }
}
