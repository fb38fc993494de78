using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using Confluent.Kafka;
using StreamMLOps.Pipeline.Tests;
using StreamMLOps.Tests;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>Writes rows of <see cref="SyntheticRows"/> to a topic at a rate, one row a message, the partitions in turn; waits for a broker that is away.</summary>
internal sealed class PacedProducer : IDisposable
{
    private readonly IProducer<Null, byte[]> _producer;
    private readonly string _topic;
    private readonly int _partitions;
    private readonly double _rowsPerSecond;
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _thread;
    private readonly ConcurrentDictionary<(int Partition, long Offset), long> _sent = [];
    private long _produced;
    private long _acknowledged;
    private Exception? _failure;

    public PacedProducer(TestBroker broker, string topic, int partitions, double rowsPerSecond)
    {
        (_topic, _partitions, _rowsPerSecond) = (topic, partitions, rowsPerSecond);
        _producer = new ProducerBuilder<Null, byte[]>(new Dictionary<string, string>(broker.KafkaClients)
        {
            ["bootstrap.servers"] = broker.BootstrapServers,
            ["acks"] = "all",
            ["linger.ms"] = "2",
            ["message.timeout.ms"] = "600000",
            ["max.in.flight.requests.per.connection"] = "1", // a retry may double a row, and does not reorder them
        }).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
        _thread = new Thread(Run) { IsBackground = true, Name = "paced producer" };
        _thread.Start();
    }

    /// <summary>Rows that the broker has acknowledged.</summary>
    public long Acknowledged => Interlocked.Read(ref _acknowledged);

    /// <summary>When the row at a position was handed to the client, in ticks of the stopwatch; 0 where that is not known.</summary>
    public long SentAt(int partition, long offset) => _sent.GetValueOrDefault((partition, offset));

    /// <summary>Stops and waits until every row is acknowledged.</summary>
    public void Finish()
    {
        _stop.Cancel();
        _thread.Join();
        if (_failure is not null) throw new InvalidOperationException("the producer failed", _failure);
        Assert.Equal(0, _producer.Flush(TimeSpan.FromSeconds(120)));
        Assert.Equal(_produced, Acknowledged);
    }

    public void Dispose()
    {
        _stop.Cancel();
        _thread.Join();
        _producer.Dispose();
        _stop.Dispose();
    }

    private void Run()
    {
        var clock = Stopwatch.StartNew();
        try
        {
            while (!_stop.IsCancellationRequested)
            {
                for (var due = (long)(clock.Elapsed.TotalSeconds * _rowsPerSecond); _produced < due; _produced++)
                {
                    var sent = Stopwatch.GetTimestamp();
                    var row = Encoding.UTF8.GetBytes(SyntheticRows.SvmLight(_produced, _produced + 1).TrimEnd('\n'));
                    _producer.Produce(new TopicPartition(_topic, (int)(_produced % _partitions)), new Message<Null, byte[]> { Value = row }, report =>
                    {
                        if (report.Error.IsError) return; // found by Finish
                        _sent[(report.Partition.Value, report.Offset.Value)] = sent;
                        Interlocked.Increment(ref _acknowledged);
                    });
                }
                _stop.Token.WaitHandle.WaitOne(5);
            }
        }
        catch (Exception e)
        {
            _failure = e;
        }
    }
}
