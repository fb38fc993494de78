using System.Collections.Concurrent;

namespace StreamMLOps.Actors;

/// <summary>
/// What a node remembers of its learners between their lives: snapshots found damaged (recovery starts below them), and why the
/// last recovery failed.
/// </summary>
public sealed class SnapshotHealth
{
    private readonly ConcurrentDictionary<string, long> _usable = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, (string Why, bool Final)> _failures = new(StringComparer.Ordinal);

    private readonly ConcurrentDictionary<string, long> _fenced = new(StringComparer.Ordinal);

    /// <summary>What a person should know of.</summary>
    public Alarms Alarms { get; } = new();

    /// <summary>Newest sequence number at which a snapshot may be trusted.</summary>
    public long NewestUsable(string persistenceId) => _usable.GetValueOrDefault(persistenceId, long.MaxValue);

    /// <summary>Why the learner could not recover, and whether trying again is of no use; null where it did.</summary>
    public (string Why, bool Final)? FailureOf(string persistenceId) => _failures.TryGetValue(persistenceId, out var failure) ? failure : null;

    internal void Damaged(string persistenceId, long sequence) => _usable[persistenceId] = sequence - 1;

    internal void Failed(string persistenceId, Exception reason)
    {
        // What is in the journal stays as it is: a person must bring the right program, or look at the disk.
        for (var e = reason; e is not null; e = e.InnerException)
        {
            if (e is not (JournalFormatException or FoldException or RowsGoneException)) continue;
            _failures[persistenceId] = (e.Message, true);
            return;
        }
        _failures[persistenceId] = ($"recovery failed and is tried again: {reason.GetBaseException().Message}", false);
    }

    internal void Fenced(string persistenceId, long sequence)
    {
        _fenced[persistenceId] = Environment.TickCount64;
        Alarms.Raise($"{persistenceId}: another writer has written event {sequence}, the journal refused ours. This learner stops, and recovers from the journal in {Fencing.Pause.TotalSeconds:0} s. Two clusters, or two halves of one, work on this journal: stop one of them.");
    }

    /// <summary>How long a learner that was fenced must still keep still.</summary>
    internal TimeSpan FencedFor(string persistenceId) =>
        _fenced.TryGetValue(persistenceId, out var at) && Fencing.Pause - TimeSpan.FromMilliseconds(Environment.TickCount64 - at) is { Ticks: > 0 } left ? left : TimeSpan.Zero;

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
