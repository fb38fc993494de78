namespace StreamMLOps.Pipeline;

/// <summary>Where records go: one line of a file, or one message of a topic, each. One writer; writes are in order.</summary>
public interface ISink : IAsyncDisposable
{
    /// <summary>For people: <c>file predictions.jsonl</c>, <c>topic predictions</c>.</summary>
    string Name { get; }

    /// <summary>What is wrong at present and is waited for, for people; empty where all is well.</summary>
    string Trouble => "";

    /// <summary>Writes that may be under way at a time; they take effect in the order of their calls.</summary>
    int Overlapping => 1;

    /// <summary>Writes all records of the batch. When the task completes they are handed over (a file: to the operating system; a topic: acknowledged).</summary>
    ValueTask Write(RecordBatch records);

    /// <summary>Makes all that was written survive a loss of power; the score leg calls it before it commits.</summary>
    ValueTask Flush();
}
