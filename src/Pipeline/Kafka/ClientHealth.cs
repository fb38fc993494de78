using System.Diagnostics;
using System.Globalization;
using Confluent.Kafka;

namespace StreamMLOps.Pipeline;

/// <summary>What is wrong at a client at present, for people. Safe for use by many threads.</summary>
internal sealed class ClientHealth(string name, string bootstrapServers)
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(5);
    private string _trouble = "";
    private string _awaited = "";
    private long _since; // ticks of the stopwatch; 0 where nothing is awaited

    /// <summary>Empty where all is well.</summary>
    public string Trouble
    {
        get
        {
            if (Volatile.Read(ref _trouble) is { Length: > 0 } trouble) return trouble;
            var since = Volatile.Read(ref _since);
            return since != 0 && Stopwatch.GetElapsedTime(since) is var waited && waited > Long
                ? string.Create(CultureInfo.InvariantCulture, $"{name}: {_awaited} for {waited.TotalSeconds:0} s; the brokers at {bootstrapServers} report no error")
                : "";
        }
    }

    public void Well() => Volatile.Write(ref _trouble, "");

    /// <summary>Something is asked of the brokers, and shown once it has taken long: "no answer to a commit".</summary>
    public void Await(string what)
    {
        _awaited = what;
        Volatile.Write(ref _since, Stopwatch.GetTimestamp());
    }

    /// <summary>What was asked last is answered.</summary>
    public void Answered() => Volatile.Write(ref _since, 0);

    /// <summary>No broker, or not the one that is needed, can be reached.</summary>
    public void Away(string reason) => Volatile.Write(ref _trouble,
        $"{name}: no answer from the brokers ({reason}). Check that one of {bootstrapServers} runs and can be reached from here; it goes on by itself once one does.");

    /// <summary>
    /// Tells a client that hears from no broker of the bootstrap servers again. A broker that has just started may say that its cluster has no brokers;
    /// librdkafka 2.16 then forgets all that it knew, and now and then none is left that it would ever ask again. Known ones are not added twice.
    /// </summary>
    public void Remind(IClient client) => client.AddBrokers(bootstrapServers);

    public void Say(string trouble) => Volatile.Write(ref _trouble, $"{name}: {trouble}");

    /// <summary>An error that librdkafka reports beside the stream and handles itself.</summary>
    public void Take(Error error)
    {
        if (error.Code is ErrorCode.Local_AllBrokersDown or ErrorCode.Local_Transport or ErrorCode.Local_Resolve or ErrorCode.Local_TimedOut) Away(error.Reason);
        else Say(error.Reason);
    }
}
