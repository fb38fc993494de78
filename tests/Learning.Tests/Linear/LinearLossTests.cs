namespace StreamMLOps.Learning.Tests.Linear;

public class LinearLossTests
{
    private static readonly double[] Margins = [-3.3, -1.2, -0.4, 0.01, 0.7, 1.6, 4.1];

    [Theory]
    [InlineData("log")]
    [InlineData("hinge")]
    [InlineData("squared-hinge")]
    [InlineData("squared")]
    [InlineData("huber")]
    [InlineData("quantile")]
    [InlineData("poisson")]
    public void The_slope_is_the_finite_difference_of_the_loss(string name)
    {
        const double Step = 1e-6;
        var parameter = (Parameter.Choice)(name is "log" or "hinge" or "squared-hinge" ? LinearLoss.Classification : LinearLoss.Regression);
        var values = ParameterValues.Read([parameter], ConfigNode.Of(("loss", name)), "test", []);
        var loss = LinearLoss.Create(values.Choice("loss"));
        foreach (var margin in Margins)
        {
            foreach (var label in new[] { 0.0, 1, 3 })
            {
                var difference = (loss.Of(margin + Step, label) - loss.Of(margin - Step, label)) / (2 * Step);
                Assert.Equal(difference, loss.Slope(margin, loss.Score(margin), label), 5e-5 * (1 + Math.Abs(difference)));
            }
        }
    }
}
