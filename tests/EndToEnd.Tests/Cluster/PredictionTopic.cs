using System.Diagnostics;
using Confluent.Kafka;
using StreamMLOps.Pipeline;
using StreamMLOps.Pipeline.Tests;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>Reads a topic of predictions with a plain client, and notes when each arrived.</summary>
internal sealed class PredictionTopic : IDisposable
{
    private readonly IConsumer<Ignore, byte[]> _consumer;
    private readonly List<(long Arrived, Prediction Prediction)> _seen = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _thread;
    private string? _fault;

    public PredictionTopic(TestBroker broker, string topic, IsolationLevel isolation = IsolationLevel.ReadCommitted)
    {
        _consumer = PlainConsumer.Of(broker, isolation: isolation);
        _consumer.Assign(PlainConsumer.Partitions(broker, topic).Select(p => new TopicPartitionOffset(topic, p, 0)));
        _thread = new Thread(Run) { IsBackground = true, Name = "prediction topic" };
        _thread.Start();
    }

    /// <summary>All predictions so far, with the stopwatch's ticks at which they arrived.</summary>
    public IReadOnlyList<(long Arrived, Prediction Prediction)> Seen => From(0);

    /// <summary>How many predictions there are so far: what comes from now on is <see cref="From"/> this.</summary>
    public int Count
    {
        get { lock (_seen) return _seen.Count; }
    }

    /// <summary>The predictions from a place in the order of arrival on; for who polls, and has seen those before.</summary>
    public IReadOnlyList<(long Arrived, Prediction Prediction)> From(int first)
    {
        lock (_seen)
        {
            Assert.Null(_fault);
            return _seen[first..];
        }
    }

    /// <summary>The longest time from <paramref name="since"/> to now in which one of these partitions had no prediction.</summary>
    public TimeSpan LargestGap(IReadOnlyCollection<int> partitions, long since)
    {
        var (now, largest) = (Stopwatch.GetTimestamp(), TimeSpan.Zero);
        var arrivals = Seen.Where(s => s.Arrived >= since).ToLookup(s => s.Prediction.Partition, s => s.Arrived);
        foreach (var partition in partitions)
        {
            var last = since;
            foreach (var arrived in arrivals[partition].Append(now))
            {
                if (Stopwatch.GetElapsedTime(last, arrived) is var gap && gap > largest) largest = gap;
                last = arrived;
            }
        }
        return largest;
    }

    public void Dispose()
    {
        _stop.Cancel();
        _thread.Join();
        _consumer.Close();
        _consumer.Dispose();
        _stop.Dispose();
    }

    private void Run()
    {
        while (!_stop.IsCancellationRequested)
        {
            ConsumeResult<Ignore, byte[]>? result;
            try
            {
                result = _consumer.Consume(50);
            }
            catch (ConsumeException e) when (!e.Error.IsFatal)
            {
                continue; // the broker is away: librdkafka goes on by itself
            }
            if (result is null) continue;
            var arrived = Stopwatch.GetTimestamp();
            lock (_seen)
            {
                if (PredictionReader.TryParse(result.Message.Value, out var prediction, out var why)) _seen.Add((arrived, prediction));
                else _fault ??= why;
            }
        }
    }
}
