namespace StreamMLOps.Actors;

/// <summary>What a person should know of, raised on this node since it started. Safe for use by many threads.</summary>
public sealed class Alarms
{
    private const int Most = 100;
    private readonly Lock _lock = new();
    private readonly List<string> _texts = [];

    /// <summary>Called with each new alarm, on any thread.</summary>
    public event Action<string>? Raised;

    /// <summary>The latest alarms, oldest first.</summary>
    public IReadOnlyList<string> All
    {
        get { lock (_lock) return [.. _texts]; }
    }

    /// <summary>Raises an alarm.</summary>
    public void Raise(string text)
    {
        lock (_lock)
        {
            if (_texts.Count == Most) _texts.RemoveAt(0);
            _texts.Add(text);
        }
        Raised?.Invoke(text);
    }
}
