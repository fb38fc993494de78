namespace StreamMLOps.Learning;

/// <summary>A model that can tell what each feature adds to a prediction. Explaining is for people, not for every row: it may allocate.</summary>
public interface IExplainable : IModel
{
    /// <summary>Explains a prediction with the state as it is; changes nothing that <see cref="IModel.Save"/> would write.</summary>
    /// <param name="row">A canonical row.</param>
    /// <param name="output">Which of the <see cref="IModel.Outputs"/>.</param>
    /// <param name="explanation">Receives unit, baseline and contributions; <see cref="Explanation.Total"/> is the margin or score that is explained.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such output.</exception>
    void Explain(in Row row, int output, Explanation explanation);
}
