using System.Collections.Immutable;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>Detectors over a learner's answers.</summary>
/// <param name="Watches">At most one for each thing that is watched.</param>
public sealed record DriftSettings(ImmutableArray<DriftWatch> Watches)
{
    /// <param name="reader">The block.</param>
    /// <param name="task">What the pipeline's model answers; null where it is not known yet.</param>
    /// <param name="faults">Receives the faults of detectors.</param>
    internal static DriftSettings Read(SettingsReader reader, LearningTask? task, ICollection<ConfigFault> faults)
    {
        var watches = ImmutableArray.CreateBuilder<DriftWatch>();
        foreach (var watched in Enum.GetValues<DriftWatched>())
        {
            var key = Spelling.Of(watched);
            if (reader.Node(key) is not { } node || DriftWatch.Read(watched, node, reader.PathOf(key), faults) is not { } watch) continue;
            if (task == LearningTask.Clustering) reader.Fault(key, "must be none for clusters: a cluster's number is neither right nor near");
            else if (task == LearningTask.Regression && watch.Detector.OfErrors) reader.Fault(key, $"{watch.Detector} takes 0 to 1, and the model answers numbers: choose one of {string.Join(", ", DriftDetectorRegistry.Kinds.Where(k => !k.OfErrors))}");
            else watches.Add(watch);
        }
        reader.RefuseUnread();
        return new DriftSettings(watches.ToImmutable());
    }

    /// <summary>As a genesis has them.</summary>
    /// <exception cref="ArgumentException">This version of the program cannot make them; the message says why.</exception>
    public static DriftSettings ReadGenesis(ConfigNode genesis)
    {
        if ((genesis as ConfigNode.Map)?.Fields.GetValueOrDefault("drift") is not ConfigNode.Map drift) return new([]);
        var faults = new List<ConfigFault>();
        var watches = Enum.GetValues<DriftWatched>().Select(w => drift.Fields.GetValueOrDefault(Spelling.Of(w)) is { } node ? DriftWatch.Read(w, node, $"drift.{Spelling.Of(w)}", faults) : null);
        var settings = new DriftSettings([.. watches.OfType<DriftWatch>()]);
        return faults.Count == 0 ? settings : throw new ArgumentException(string.Join("; ", faults), nameof(genesis));
    }

    internal ConfigNode.Map ToGenesis() => Watches.Aggregate(ConfigNode.Map.Empty, (map, w) => map.With(Spelling.Of(w.Watched), w.ToConfig()));

    internal ConfigNode.Map ToConfig() => Enum.GetValues<DriftWatched>().Aggregate(ToGenesis(), (map, w) => Watches.Any(x => x.Watched == w) ? map : map.With(Spelling.Of(w), "none"));

    /// <inheritdoc/>
    public bool Equals(DriftSettings? other) => other is not null && ToString() == other.ToString();

    /// <inheritdoc/>
    public override int GetHashCode() => ToString().GetHashCode(StringComparison.Ordinal);

    /// <inheritdoc/>
    public override string ToString() => $"[{string.Join(',', Watches)}]";
}
