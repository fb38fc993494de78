using System.Diagnostics;
using Confluent.Kafka;

namespace StreamMLOps.Pipeline;

/// <summary>What a consumer does about errors: waits for brokers that are away, and refuses where waiting is in vain. For the consumer's thread.</summary>
internal sealed class TopicWatch(string name, ConsumerSettings settings, IConsumer<Ignore, Ignore> consumer, ClientHealth health, ManualResetEventSlim stop)
{
    private long _probed;

    /// <summary>The topic, once brokers know it; null when stopped before.</summary>
    /// <exception cref="SourceException">They do not know it, or deny access.</exception>
    public TopicInfo? Await()
    {
        var lookup = new TopicLookup(consumer, settings);
        long missing = 0;
        while (!stop.IsSet)
        {
            try
            {
                if (lookup.Find() is { } topic)
                {
                    health.Well();
                    return topic;
                }
                if (missing == 0) missing = Stopwatch.GetTimestamp();
                if (Stopwatch.GetElapsedTime(missing) > settings.MissingAfter) throw KafkaErrors.Missing(name, settings.BootstrapServers);
            }
            catch (KafkaException e)
            {
                if (KafkaErrors.Refusal(name, e.Error.Code, e.Error.Reason) is { } refusal) throw refusal;
                health.Take(e.Error);
                health.Remind(consumer);
            }
            stop.Wait(100);
        }
        return null;
    }

    /// <summary>In silence, looks each second whether the trouble is over: an idle topic gives no other sign.</summary>
    public void Probe()
    {
        if (health.Trouble.Length == 0 || Stopwatch.GetElapsedTime(_probed) < TimeSpan.FromSeconds(1)) return;
        try
        {
            if (new TopicLookup(consumer, settings with { RequestTimeout = TimeSpan.FromSeconds(1) }).Find() is not null) health.Well();
        }
        catch (KafkaException)
        {
            // Still away; the text stays.
            health.Remind(consumer);
        }
        _probed = Stopwatch.GetTimestamp();
    }

    /// <summary>Takes an error that came in place of a message.</summary>
    /// <param name="code">The error.</param>
    /// <param name="reason">librdkafka's words.</param>
    /// <param name="at">Where reading stands in the partition concerned; null where none is.</param>
    /// <exception cref="SourceException">A person must act.</exception>
    /// <exception cref="KafkaException">The client is of no more use; another one may be.</exception>
    public void Take(ErrorCode code, string reason, PartitionPosition? at)
    {
        switch (code)
        {
            case ErrorCode.Local_AutoOffsetReset or ErrorCode.OffsetOutOfRange when at is { } p:
                var log = TopicLookup.Watermarks(consumer, settings.Topic, p.Partition, settings.RequestTimeout);
                throw KafkaErrors.OutOfRange(name, p.Partition, p.Next, log.Low, log.High)
                    ?? new SourceException($"{name}, partition {p.Partition}: the broker does not have offset {p.Next} ({reason}), though its log is from {log.Low} to {log.High}. Start again; if it stays, the log is damaged.");
            case ErrorCode.UnknownTopicOrPart or ErrorCode.UnknownTopicId or ErrorCode.Local_UnknownTopic or ErrorCode.Local_UnknownPartition:
                // A broker that has just started says so of all topics.
                if (Await() is { } topic && at is { } position && topic.Epoch != position.Epoch) throw KafkaErrors.Recreated(name, position, topic.Epoch);
                break;
            case ErrorCode.Local_Fatal:
                throw new KafkaException(new Error(code, reason, isFatal: true));
            default:
                if (KafkaErrors.Refusal(name, code, reason) is { } refusal) throw refusal;
                health.Take(new Error(code, reason));
                break;
        }
    }
}
