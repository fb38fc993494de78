using System.Diagnostics.Metrics;
using System.Globalization;

namespace StreamMLOps.Pipeline;

/// <summary>What an alarm says at present.</summary>
/// <param name="Raised">Whether the share is above what is allowed.</param>
/// <param name="Share">Dead letters among the latest records.</param>
/// <param name="Records">How many records that are.</param>
/// <param name="Cause">The commonest cause among all dead letters since the start; empty without any.</param>
/// <param name="Example">A record with that cause: its position and reason.</param>
public sealed record DeadLetterState(bool Raised, double Share, long Records, string Cause, string Example);

/// <summary>
/// Counts dead letters by cause and raises an alarm while their share among the latest records is above what is allowed. The latest
/// records are one to two windows of them; a share of fewer than a hundred records says nothing yet. Counted with the meter <c>StreamMLOps</c>.
/// One thread counts; the state may be read from any.
/// </summary>
/// <param name="pipeline">Name of the pipeline.</param>
/// <param name="share">Share that is allowed; 1: there is no alarm.</param>
/// <param name="window">Records of a window.</param>
/// <param name="say">Takes one line whenever the alarm is raised or ends.</param>
/// <param name="changed">The same as an alert: whether it is raised, the position of the latest dead letter, and the line; null: nobody listens.</param>
public sealed class DeadLetterAlarm(string pipeline, double share, long window, Action<string> say, Action<bool, AlertPosition, string>? changed = null)
{
    /// <summary>Causes told apart; a stream of nonsense must not make memory of its nonsense.</summary>
    public const int MaxCauses = 256;

    private const long Fewest = 100;
    private static readonly Meter Meter = new("StreamMLOps");
    private static readonly Counter<long> Letters = Meter.CreateCounter<long>("streammlops.dead_letters", "{record}", "Records that are no rows, by fault.");
    private static readonly Gauge<double> Shares = Meter.CreateGauge<double>("streammlops.dead_letters.share", "1", "Dead letters among the latest records.");
    private static readonly Gauge<int> Alarms = Meter.CreateGauge<int>("streammlops.dead_letters.alarm", "1", "1 while the share is above what is allowed.");

    private readonly Dictionary<string, (long Count, string Example)> _causes = new(StringComparer.Ordinal);
    private readonly KeyValuePair<string, object?> _tag = new("pipeline", pipeline);
    private DeadLetterState _state = new(false, 0, 0, "", "");
    private AlertPosition _latest;
    private long _records, _letters, _recordsBefore, _lettersBefore;

    /// <summary>What the alarm says at present.</summary>
    public DeadLetterState State => Volatile.Read(ref _state);

    /// <summary>Dead letters by cause, the commonest first.</summary>
    public IReadOnlyList<(string Cause, long Count, string Example)> Causes
    {
        get
        {
            lock (_causes) return [.. _causes.Select(c => (c.Key, c.Value.Count, c.Value.Example)).OrderByDescending(c => c.Count).ThenBy(c => c.Key, StringComparer.Ordinal)];
        }
    }

    /// <summary>Takes in a chunk: its rows and its dead letters.</summary>
    public void Count(int rows, IReadOnlyList<DeadLetter> letters)
    {
        if (letters.Count > 0)
        {
            CountCauses(letters);
            _latest = new AlertPosition(letters[^1].Partition, letters[^1].Epoch, letters[^1].Offset);
        }
        _records += rows + letters.Count;
        _letters += letters.Count;
        if (letters.Count == 0 && !_state.Raised && _records < window) return;

        var records = _records + _recordsBefore;
        var now = records == 0 ? 0 : (_letters + _lettersBefore) / (double)records;
        var raised = share < 1 && now > share && records >= Fewest;
        Publish(new DeadLetterState(raised, now, records, _state.Cause, _state.Example));
        if (_records < window) return;
        (_recordsBefore, _lettersBefore, _records, _letters) = (_records, _letters, 0, 0);
    }

    private void CountCauses(IReadOnlyList<DeadLetter> letters)
    {
        lock (_causes)
        {
            foreach (var letter in letters)
            {
                var cause = letter.Cause;
                if (!_causes.TryGetValue(cause, out var known) && _causes.Count >= MaxCauses) cause = "other";
                if (known.Count == 0) _causes.TryGetValue(cause, out known);
                _causes[cause] = (known.Count + 1, known.Example ?? string.Create(CultureInfo.InvariantCulture, $"{letter.Partition}-{letter.Offset}: {letter.Reason}"));
                Letters.Add(1, _tag, new("fault", letter.Fault.ToString()));
            }
            var most = _causes.MaxBy(c => c.Value.Count);
            Volatile.Write(ref _state, _state with { Cause = most.Key, Example = most.Value.Example });
        }
    }

    private void Publish(DeadLetterState state)
    {
        var before = _state;
        Volatile.Write(ref _state, state);
        Shares.Record(state.Share, _tag);
        Alarms.Record(state.Raised ? 1 : 0, _tag);
        if (state.Raised == before.Raised) return;
        var line = state.Raised
            ? string.Create(CultureInfo.InvariantCulture, $"pipeline {pipeline}: {state.Share:P1} of the latest {state.Records} records are dead letters, more than the {share:P1} of limits.dead-letter-share; most often: {state.Cause}; for example {state.Example}")
            : string.Create(CultureInfo.InvariantCulture, $"pipeline {pipeline}: dead letters are {state.Share:P1} of the latest {state.Records} records again, within the {share:P1} of limits.dead-letter-share");
        say(line);
        changed?.Invoke(state.Raised, _latest, line);
    }
}
