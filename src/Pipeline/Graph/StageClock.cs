using System.Diagnostics;

namespace StreamMLOps.Pipeline;

/// <summary>Where a leg's time goes: chunks, rows and busy time of one named stage. Safe for use by many threads.</summary>
public sealed class StageClock(string name)
{
    private long _rows;
    private long _chunks;
    private long _ticks;

    /// <summary>Name of the stage.</summary>
    public string Name { get; } = name;

    public long Rows => Volatile.Read(ref _rows);

    public long Chunks => Volatile.Read(ref _chunks);

    /// <summary>Time the stage was busy (on its thread, waiting for input or output not included).</summary>
    public TimeSpan Busy => Stopwatch.GetElapsedTime(0, Volatile.Read(ref _ticks));

    /// <summary>Adds the time since <paramref name="started"/> (<see cref="Stopwatch.GetTimestamp"/>).</summary>
    public void Add(long started, int rows)
    {
        Interlocked.Add(ref _ticks, Stopwatch.GetTimestamp() - started);
        Interlocked.Add(ref _rows, rows);
        Interlocked.Increment(ref _chunks);
    }
}

/// <summary>The clocks of one node's legs, in the order of the graph.</summary>
public sealed class PipelineClocks
{
    public StageClock Decode { get; } = new("score: decode");
    public StageClock Featurize { get; } = new("score: featurize");
    public StageClock Predict { get; } = new("score: predict");
    public StageClock Encode { get; } = new("score: encode");
    public StageClock Write { get; } = new("score: write");
    public StageClock Commit { get; } = new("score: flush and commit");
    public StageClock LearnDecode { get; } = new("learn: decode");
    public StageClock LearnFeaturize { get; } = new("learn: featurize");
    public StageClock Learn { get; } = new("learn: predict, learn, encode");
    public StageClock Seal { get; } = new("learn: seal event");
    public StageClock Persist { get; } = new("learn: persist (waiting)");
    public StageClock Snapshot { get; } = new("learn: snapshot bytes");
    public StageClock Apply { get; } = new("replica: apply");

    public IReadOnlyList<StageClock> All => [Decode, Featurize, Predict, Apply, Encode, Write, Commit, LearnDecode, LearnFeaturize, Learn, Seal, Persist, Snapshot];
}
