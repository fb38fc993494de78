using System.Collections.Concurrent;

namespace StreamMLOps.Actors;

/// <summary>
/// What a node remembers of its learners between their lives: snapshots found damaged (recovery starts below them), and why the
/// last recovery failed.
/// </summary>
public sealed class SnapshotHealth
{
    private readonly ConcurrentDictionary<string, long> _usable = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> _failures = new(StringComparer.Ordinal);

    /// <summary>Newest sequence number at which a snapshot may be trusted.</summary>
    public long NewestUsable(string persistenceId) => _usable.GetValueOrDefault(persistenceId, long.MaxValue);

    /// <summary>Why the learner could not recover, or null.</summary>
    public string? FailureOf(string persistenceId) => _failures.GetValueOrDefault(persistenceId);

    internal void Damaged(string persistenceId, long sequence) => _usable[persistenceId] = sequence - 1;

    internal void Failed(string persistenceId, string why) => _failures[persistenceId] = why;

    internal void Recovered(string persistenceId) => _failures.TryRemove(persistenceId, out _);
}

/// <summary>Says what differs between a lineage's genesis and the configuration, and what to do.</summary>
internal static class GenesisDifference
{
    public static string Explain(Genesis genesis, LearnerDefinition definition) =>
        $"the configuration of '{definition.Name}' differs from what lineage '{genesis.Lineage}' was begun with ({string.Join("; ", Differences(genesis.Settings, definition.GenesisSettings))}); set it back, or start a new lineage (lineage = NAME) to learn with it";

    private static IEnumerable<string> Differences(string then, string now)
    {
        var (a, b) = (SettingsText.Flatten(then), SettingsText.Flatten(now));
        foreach (var key in a.Keys.Union(b.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            var (old, @new) = (a.GetValueOrDefault(key, "nothing"), b.GetValueOrDefault(key, "nothing"));
            if (old != @new) yield return $"{key} was {old}, is {@new}";
        }
    }
}
