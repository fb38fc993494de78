using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning.Tests.Numerics;

public class LogProductTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(511)]
    [InlineData(2_000)]
    public void The_logarithm_of_a_product_is_the_sum_of_logarithms_where_the_product_itself_is_no_number(int factors)
    {
        var random = new Random(factors);
        var product = LogProduct.One;
        var (first, second) = (0.0, 0.0);
        for (var i = 0; i < factors; i++)
        {
            var (a, b) = (Math.Exp(random.NextDouble() * 1_000 - 500), 1e-250 * random.NextDouble());
            product.Multiply(Vector128.Create(a, b));
            if (i % LogProduct.MostFactors == LogProduct.MostFactors - 1) product.Rebase();
            (first, second) = (first + Math.Log(a), second + Math.Log(b));
        }
        var logs = product.Logs();
        Assert.Equal(first, logs.First, 1e-11 * (1 + 500.0 * factors));
        Assert.Equal(second, logs.Second, 1e-11 * (1 + 500.0 * factors));
    }
}
