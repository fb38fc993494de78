namespace StreamMLOps.Learning;

/// <summary>What a detector of a learner watches.</summary>
public enum DriftWatched
{
    /// <summary>How wrong answers were, of rows with a label: 0 or 1 for classes and anomalies, the distance for numbers.</summary>
    Errors,

    /// <summary>The answers themselves: the score, of many classes that of the likeliest.</summary>
    Scores,
}

/// <summary>A detector over a learner's answers, as settings choose it.</summary>
/// <param name="Watched">What it watches.</param>
/// <param name="Detector">Its kind.</param>
/// <param name="Values">Its parameters, defaults included.</param>
public sealed record DriftWatch(DriftWatched Watched, DriftDetectorKind Detector, ParameterValues Values)
{
    /// <summary>Reads <c>none</c>, <c>NAME</c> or <c>{ NAME { ...parameters } }</c>; every fault is added to <paramref name="faults"/>.</summary>
    /// <returns>Null for none, and where there are faults.</returns>
    public static DriftWatch? Read(DriftWatched watched, ConfigNode node, string path, ICollection<ConfigFault> faults)
    {
        if (node is ConfigNode.Text { Value: "none" }) return null;
        var (name, parameters) = node switch
        {
            ConfigNode.Text t => (t.Value, ConfigNode.Map.Empty),
            ConfigNode.Map { Fields.Count: 1 } m when m.Fields.First() is { Value: ConfigNode.Map inner } only => (only.Key, inner),
            _ => ("", ConfigNode.Map.Empty),
        };
        if (DriftDetectorRegistry.Kinds.FirstOrDefault(k => k.Name == name) is not { } kind)
        {
            faults.Add(new(path, $"must be none, or one detector, as NAME or {{ NAME {{ ... }} }}: {string.Join(", ", DriftDetectorRegistry.Kinds)}"));
            return null;
        }
        var before = faults.Count;
        var values = ParameterValues.Read(kind.Parameters, parameters, $"{path}.{name}", faults);
        return faults.Count == before ? new DriftWatch(watched, kind, values) : null;
    }

    /// <summary>As settings again, defaults included.</summary>
    public ConfigNode.Map ToConfig() => ConfigNode.Map.Empty.With(Detector.Name, Values.ToConfig());

    /// <inheritdoc/>
    public override string ToString() => $"{Watched}={Detector}{Values.ToCanonicalString()}";
}

/// <summary>Hears what detectors say.</summary>
public interface IDriftListener
{
    /// <summary>A detector says something else than at the value before; a drift is told each time.</summary>
    /// <param name="watch">The detector.</param>
    /// <param name="state">What it says.</param>
    /// <param name="value">The value that made it say so.</param>
    void DriftFound(DriftWatch watch, DriftState state, double value);
}

/// <summary>
/// Detectors over the answers of a learner, part of its deterministic state: equal rows in equal order give equal findings, wherever they are
/// folded. What no detector could take (an answer that is not finite) is left out. No allocation a row.
/// </summary>
public sealed class DriftMonitor
{
    private const double Largest = 1e100;   // what detectors take
    private readonly LearningTask _task;
    private readonly DriftWatch[] _watches;
    private readonly IDriftDetector[] _detectors;
    private readonly DriftState[] _said;

    /// <param name="task">What is learned.</param>
    /// <param name="watches">The detectors, in the order of the state.</param>
    public DriftMonitor(LearningTask task, IEnumerable<DriftWatch> watches)
    {
        _task = task;
        _watches = [.. watches];
        _detectors = [.. _watches.Select(w => w.Detector.Create(w.Values))];
        _said = new DriftState[_watches.Length];
    }

    /// <summary>A row was answered, and learned.</summary>
    /// <param name="scores">The answer from before it was learned.</param>
    /// <param name="label">Its label; NaN: it has none.</param>
    /// <param name="listener">Hears changes.</param>
    public void Answered(ReadOnlySpan<double> scores, double label, IDriftListener? listener)
    {
        for (var i = 0; i < _watches.Length; i++)
        {
            if (_watches[i].Watched == DriftWatched.Scores) Take(i, ScoreOf(scores), listener);
            else if (!double.IsNaN(label)) Take(i, ErrorOf(scores, label), listener);
        }
    }

    /// <summary>A label came later, for a row that was answered and learned without it.</summary>
    public void Measured(ReadOnlySpan<double> scores, double label, IDriftListener? listener)
    {
        for (var i = 0; i < _watches.Length; i++)
            if (_watches[i].Watched == DriftWatched.Errors) Take(i, ErrorOf(scores, label), listener);
    }

    /// <summary>Writes the whole state as canonical bytes.</summary>
    public void Save(StateWriter writer)
    {
        writer.Section("drift-monitor", 1);
        for (var i = 0; i < _detectors.Length; i++)
        {
            writer.Byte((byte)_said[i]);
            _detectors[i].Save(writer);
        }
    }

    /// <summary>Replaces the state by saved bytes.</summary>
    /// <exception cref="StateFormatException">They are newer, of other detectors, or damaged.</exception>
    public void Load(StateReader reader)
    {
        reader.Section("drift-monitor", 1);
        for (var i = 0; i < _detectors.Length; i++)
        {
            var said = reader.Byte();
            if (said > (byte)DriftState.Drift) throw new StateFormatException($"a detector says {said}: the bytes are damaged");
            _said[i] = (DriftState)said;
            _detectors[i].Load(reader);
        }
    }

    private void Take(int i, double value, IDriftListener? listener)
    {
        if (!double.IsFinite(value)) return;
        value = _watches[i].Detector.OfErrors ? Math.Clamp(value, 0, 1) : Math.Clamp(value, -Largest, Largest);
        var state = _detectors[i].Update(value);
        if (state == DriftState.Drift || (state == DriftState.Warning && _said[i] != DriftState.Warning)) listener?.DriftFound(_watches[i], state, value);
        _said[i] = state;
    }

    private double ScoreOf(ReadOnlySpan<double> scores) => scores.IsEmpty ? double.NaN : scores[_task == LearningTask.MultiClass ? Likeliest(scores) : 0];

    private double ErrorOf(ReadOnlySpan<double> scores, double label) => _task switch
    {
        LearningTask.Regression => scores.IsEmpty ? double.NaN : Math.Abs(scores[0] - label),
        LearningTask.MultiClass => !scores.IsEmpty && Likeliest(scores) == label ? 0 : 1,
        _ => !scores.IsEmpty && scores[0] > 0.5 == label > 0 ? 0 : 1,
    };

    private static int Likeliest(ReadOnlySpan<double> scores)
    {
        var best = 0;
        for (var k = 1; k < scores.Length; k++)
            if (scores[k] > scores[best]) best = k;
        return best;
    }
}
