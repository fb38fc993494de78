using System.Globalization;
using StreamMLOps.Actors;
using StreamMLOps.Learning;

namespace StreamMLOps.Host;

/// <summary>Results of audits for people, and the exit status that follows.</summary>
public static class AuditReport
{
    /// <summary>One line a result: outcome, id, version, both scores as numbers and as bits.</summary>
    public static string Line(AuditResult r)
    {
        var p = r.Prediction;
        var stored = $"{Name(r.Outcome),-16} {p.Id}  {p.Pipeline} version {p.Version}  stored {Figures.Exact(p.Score)}";
        return r.Outcome switch
        {
            AuditOutcome.Identical or AuditOutcome.Differs => $"{stored}  recomputed {Figures.Exact(r.Recomputed)}  features from {r.FeaturesFrom}",
            AuditOutcome.FeaturesExpired => $"{stored}  the row is neither in the journal nor in the source any more",
            _ => $"{stored}  the journal holds no such version",
        };
    }

    /// <summary>Why the model answered so: baseline, the features that say most, and the rest, which add up to what is explained.</summary>
    public static IEnumerable<string> Explanation(AuditResult r)
    {
        if (r.Outcome is not (AuditOutcome.Identical or AuditOutcome.Differs)) yield break;
        if (r.Explanation is not { } e)
        {
            yield return "        not explained: this kind of model cannot tell what a feature adds";
            yield break;
        }
        yield return $"        {Signed(e.Total)}  {(e.Unit == ContributionUnit.Margin ? "margin" : "score")}{(e.Output > 0 ? $" of class {Figures.Count(e.Output)}" : "")}, of which";
        yield return $"        {Signed(e.Baseline)}  to a row that says nothing";
        foreach (var c in e.Top) yield return $"        {Signed(c.Value)}  {Visible(c.Name)}";
        if (e.Others > 0) yield return $"        {Signed(e.Rest)}  {Figures.Count(e.Others)} more features";
        if (e.Shared > 0) yield return $"        {Figures.Count(e.Shared)} features of this row share an index with another, which is named in their place";
    }

    /// <summary>What weighs most in a model.</summary>
    public static IEnumerable<string> Weights(string learner, NamedWeights weights)
    {
        yield return $"{learner}: version {weights.Version}, {Figures.Count(weights.Features)} features; what the value 1 of each adds to the margin";
        yield return $"        {Signed(weights.Baseline)}  to a row that says nothing";
        foreach (var c in weights.Top) yield return $"        {Signed(c.Value)}  {Visible(c.Name)}";
    }

    // Names come from the stream: what would move the terminal's cursor is shown as its number.
    internal static string Visible(string name) => string.Concat(name.Select(c => char.IsControl(c) ? $"\\u{(int)c:x4}" : c.ToString()));

    private static string Signed(double value) => value.ToString("+0.0000;-0.0000;+0.0000", CultureInfo.InvariantCulture).PadLeft(10);

    /// <summary>How many ended how.</summary>
    public static string Total(IReadOnlyList<AuditResult> results, TimeSpan elapsed)
    {
        var counts = results.GroupBy(r => r.Outcome).OrderBy(g => g.Key).Select(g => $"{Figures.Count(g.Count())} {Name(g.Key)}");
        return $"{Figures.Count(results.Count)} predictions audited in {Figures.Seconds(elapsed)}: {string.Join(", ", counts)}";
    }

    /// <summary>The worst outcome as an exit status: a difference outweighs features that are gone.</summary>
    public static int Status(IEnumerable<AuditResult> results)
    {
        var status = ExitStatus.Ok;
        foreach (var r in results)
        {
            if (r.Outcome is AuditOutcome.Differs or AuditOutcome.UnknownVersion) return ExitStatus.Differs;
            if (r.Outcome == AuditOutcome.FeaturesExpired) status = ExitStatus.FeaturesExpired;
        }
        return status;
    }

    private static string Name(AuditOutcome outcome) => outcome switch
    {
        AuditOutcome.Identical => "identical",
        AuditOutcome.Differs => "differs",
        AuditOutcome.FeaturesExpired => "features expired",
        _ => "unknown version",
    };
}
