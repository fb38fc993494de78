using System.IO.Hashing;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>Hears what a fold finds while it applies events. For alerts alone: it changes nothing.</summary>
public interface IFoldListener : IDriftListener
{
    /// <summary>A row was applied, and what was heard since the row before is of this one.</summary>
    void RowApplied(int partition, ulong epoch, long offset);
}

/// <summary>
/// The alerts that follow from a journal: a pure function of its events, so that whoever reads the same journal, whenever and from whichever event, gets the
/// same alerts with the same ids and bytes. It folds the events where what is found depends on the state, and only reads them where nothing does.
/// </summary>
public sealed class JournalAlerts : IFoldListener, IDisposable
{
    private readonly AlertHistory _history;
    private readonly LearnerFold? _fold;
    private readonly List<Alert> _alerts = [];
    private readonly List<(DriftWatch Watch, DriftState State, double Value)> _heard = [];
    private long _sequence;
    private long _time;
    private long _group;
    private long _answering;

    private JournalAlerts(Genesis genesis, LearnerFold? fold)
    {
        _history = HistoryOf(genesis);
        _fold = fold;
        if (fold is null) return;
        fold.Listener = this;
        Remember();
    }

    /// <summary>Number of the last event applied; of a reader that folds nothing, of any event.</summary>
    public long Sequence => _fold?.Sequence ?? _sequence;

    /// <summary>The journal that begins with this event.</summary>
    public static AlertHistory HistoryOf(Genesis genesis) => new(genesis.Pipeline, genesis.Lineage, genesis.Shard, XxHash3.HashToUInt64(genesis.Bytes));

    /// <summary>Whether what is found depends on the state: there are detectors, or the model tells of itself.</summary>
    public static bool NeedState(FoldDefinition definition) => definition.Drift.Count > 0 || definition.Model.Create() is ISelfTraining or IReplacedModel;

    /// <summary>Goes on from a state, which is this one's from now on.</summary>
    public static JournalAlerts From(LearnerFold fold) => new(fold.Genesis, fold);

    /// <summary>Goes on after an event of a journal whose alerts do not depend on the state.</summary>
    public static JournalAlerts Reading(Genesis genesis, long sequence) => new(genesis, null) { _sequence = sequence };

    /// <summary>The alert of the first event.</summary>
    public static Alert Began(Genesis genesis)
    {
        var history = HistoryOf(genesis);
        return new Alert(AlertFamily.Alert, history.IdOf(1, "lineage-began", 0), genesis.Pipeline, "lineage-began", AlertState.Noted, $"lineage '{genesis.Lineage}' began, with nothing learned", genesis.Time) { History = history, Sequence = 1 };
    }

    /// <summary>Applies the next event.</summary>
    /// <returns>What follows from it, in the order of its rows.</returns>
    /// <exception cref="FoldException">It does not follow the state.</exception>
    public IReadOnlyList<Alert> Apply(long sequence, JournalEvent e)
    {
        if (e is Genesis genesis) return [Began(genesis)];
        _alerts.Clear();
        _heard.Clear();
        _sequence = sequence;
        _time = TimeOf(e);
        _fold?.Apply(sequence, e);
        switch (e)
        {
            case Frozen f:
                Add("frozen", AlertState.Raised, $"learning was frozen by {f.Who}: {f.Why}");
                break;
            case Thawed t:
                Add("frozen", AlertState.Cleared, $"learning goes on, by {t.Who}: {t.Why}");
                break;
            case Retracted r:
                Add("retracted", AlertState.Noted, r.Group > 0 ? FormattableString.Invariant($"group {r.Group} of pseudo-labels, of events {r.From} to {r.To - 1}, was taken back by {r.Who}: {r.Why}") : FormattableString.Invariant($"events {r.From} to {r.To - 1} were withdrawn by {r.Who}: {r.Why}"));
                Remember(); // what a person did is told once
                break;
            case Skipped s:
                Add("skipped", AlertState.Noted, $"records {s.Range} were not learned: {s.Reason}");
                break;
        }
        return [.. _alerts];
    }

    void IDriftListener.DriftFound(DriftWatch watch, DriftState state, double value) => _heard.Add((watch, state, value));

    void IFoldListener.RowApplied(int partition, ulong epoch, long offset)
    {
        var at = new AlertPosition(partition, epoch, offset);
        foreach (var (watch, state, value) in _heard)
        {
            var watched = Spelling.Of(watch.Watched);
            AddDrift(state == DriftState.Drift ? "drift" : "warning", at, watched, watch.Detector.Name, value,
                FormattableString.Invariant($"{watch.Detector.Name} {(state == DriftState.Drift ? "finds that" : "warns that")} {watched} {(state == DriftState.Drift ? "have changed" : "may be changing")}, at record {partition}-{offset}"));
        }
        _heard.Clear();
        var (group, answering) = (_group, _answering);
        Remember();
        if (_group != group) Add("pseudo-labels-revoked", AlertState.Noted, FormattableString.Invariant($"the model took back group {group} of its pseudo-labels: with them it erred more than without"), at);
        if (_answering != answering) AddDrift("retrained", at, "model", Definition.Model.Kind.Name, _answering, FormattableString.Invariant($"the model was replaced by its number {_answering}, which learned since the warning"));
    }

    public void Dispose() => _fold?.Dispose();

    private FoldDefinition Definition => _fold!.Definition;

    private void Remember()
    {
        _group = (_fold?.Learner.Model as ISelfTraining)?.Group ?? 0;
        _answering = (_fold?.Learner.Model as IReplacedModel)?.Answering ?? 0;
    }

    private void Add(string kind, AlertState state, string text, AlertPosition? at = null) =>
        _alerts.Add(new Alert(AlertFamily.Alert, IdOf(kind), _history.Pipeline, kind, state, text, _time) { History = _history, Sequence = _sequence, Position = at });

    private void AddDrift(string kind, AlertPosition at, string watched, string detector, double value, string text) =>
        _alerts.Add(new Alert(AlertFamily.Drift, IdOf(kind), _history.Pipeline, kind, AlertState.Noted, text, _time) { History = _history, Sequence = _sequence, Position = at, Drift = new DriftFinding(watched, detector, value, _fold!.Learner.Rows) });

    private string IdOf(string kind) => _history.IdOf(_sequence, kind, _alerts.Count(a => a.Kind == kind));

    private static long TimeOf(JournalEvent e) => e switch
    {
        Learned l => l.Time,
        Joined j => j.Time,
        Frozen f => f.Time,
        Thawed t => t.Time,
        Retracted r => r.Time,
        Skipped s => s.Time,
        _ => 0,
    };
}
