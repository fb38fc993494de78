namespace StreamMLOps.Pipeline.Tests;

/// <summary>A record of either topic, as a schedule has it.</summary>
internal sealed record Arrival(bool IsLabel, int Partition, long Offset, string Id, long Time, double Label, bool Corrects);

/// <summary>The rules of the label join told a second time, as plainly as possible: everything is kept, everything is looked through.</summary>
internal sealed class ReferenceJoin(long horizon, bool unsupervised = false)
{
    private sealed class Known
    {
        public required string Id { get; init; }

        public string Kind { get; set; } = "";

        public Arrival? Features { get; set; }

        public double Label { get; set; }

        public long Since { get; set; }

        public long Order { get; set; }
    }

    private readonly List<Known> _known = [];
    private long _now = long.MinValue;
    private long _order;

    public List<(int Partition, long Offset, double Label)> Learned { get; } = [];

    public List<(int Partition, long Offset)> Expired { get; } = [];

    /// <summary>Labels that measure what was answered to rows that were learned without them, and how long after the row they came.</summary>
    public List<(int Partition, long Offset, double Label, long Age)> Evaluated { get; } = [];

    public Dictionary<string, long> Counts { get; } = [];

    public void Take(Arrival a)
    {
        if (a.Time > _now)
        {
            _now = a.Time;
            Forget();
        }
        var known = _known.Find(k => k.Id == a.Id);
        if (a.IsLabel) TakeLabel(a, known);
        else TakeFeatures(a, known);
    }

    public long Waiting(string kind) => _known.Count(k => k.Kind == kind);

    private void Forget()
    {
        foreach (var k in _known.Where(k => k.Since < _now - horizon).OrderBy(k => k.Order).ToList())
        {
            if (k.Kind == "features")
            {
                Count("expired");
                Expired.Add((k.Features!.Partition, k.Features.Offset));
                Set(k, "expired");
                continue;
            }
            if (k.Kind == "label") Count("orphan");
            _known.Remove(k);
        }
    }

    private void TakeFeatures(Arrival a, Known? known)
    {
        if (known is null)
        {
            _known.Add(known = new Known { Id = a.Id, Features = a });
            if (unsupervised) Learned.Add((a.Partition, a.Offset, double.NaN));
            Set(known, unsupervised ? "scored" : "features");
        }
        else if (known.Kind == "label")
        {
            Learned.Add((a.Partition, a.Offset, known.Label));
            Set(known, "learned");
        }
        else
        {
            Count("duplicate features");
        }
    }

    private void TakeLabel(Arrival a, Known? known)
    {
        if (known is null)
        {
            Count("early");
            _known.Add(known = new Known { Id = a.Id, Label = a.Label });
            Set(known, "label");
        }
        else if (known.Kind == "features")
        {
            Learned.Add((known.Features!.Partition, known.Features.Offset, a.Label));
            known.Label = a.Label;
            Set(known, "learned");
        }
        else if (known.Kind == "scored")
        {
            Evaluated.Add((known.Features!.Partition, known.Features.Offset, a.Label, _now - known.Since));
            known.Label = a.Label;
            Set(known, "learned");
        }
        else if (known.Kind == "expired")
        {
            Count("late");
        }
        else if (known.Label == a.Label)
        {
            Count("duplicate label");
        }
        else if (a.Corrects)
        {
            Count("corrected");
            known.Label = a.Label;
            Set(known, known.Kind);
        }
        else
        {
            Count("contradictory");
        }
    }

    private void Set(Known known, string kind) => (known.Kind, known.Since, known.Order) = (kind, _now, _order++);

    private void Count(string what) => Counts[what] = Counts.GetValueOrDefault(what) + 1;
}
