using StreamMLOps.Actors;

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
