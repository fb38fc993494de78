using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>
/// Gives texts to a featurizer of the learning library: every feature that has a name is a text, or only those named <c>FIELD=TEXT</c>. Other features stay as they are,
/// and what comes out has names, for the next step.
/// </summary>
public sealed class TextFeaturizer : IFeaturizer
{
    private readonly ITextFeaturizer _featurizer;
    private readonly byte[] _prefix;

    /// <param name="featurizer">What takes texts apart.</param>
    /// <param name="field">The field whose texts are taken apart; empty: whole names are.</param>
    /// <param name="canonical">One line, equal for equal behaviour.</param>
    public TextFeaturizer(ITextFeaturizer featurizer, string field, string canonical)
    {
        _featurizer = featurizer;
        _prefix = field.Length == 0 ? [] : System.Text.Encoding.UTF8.GetBytes(field + "=");
        Canonical = canonical;
    }

    /// <inheritdoc/>
    public string Canonical { get; }

    /// <inheritdoc/>
    public RowBatch Featurize(RowBatch rows, FeatureNames? names = null)
    {
        var output = new RowBatch(Math.Max(1, rows.Count), Math.Max(1, rows.NonZeros));
        var features = new NamedFeatures(output);
        for (var i = 0; i < rows.Count; i++)
        {
            features.BeginRow();
            for (var k = rows.Starts[i]; k < rows.Starts[i + 1]; k++)
            {
                var name = rows.NameOf(k);
                if (name.IsEmpty || !name.StartsWith(_prefix)) features.Add(rows.Indices[k], Math.Clamp(rows.Values[k], -Most, Most), name);
                else _featurizer.Featurize(name[_prefix.Length..], features);
            }
            features.EndRow(rows.Labels[i]);
            names?.Note(output, i);
        }
        return output;
    }

    // As many of these as a row may have still have a finite sum.
    private const double Most = double.MaxValue / (2 * RowBatch.MaxFeatures);
}
