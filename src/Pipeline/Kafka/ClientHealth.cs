using Confluent.Kafka;

namespace StreamMLOps.Pipeline;

/// <summary>What is wrong at a client at present, for people. Safe for use by many threads.</summary>
internal sealed class ClientHealth(string name, string bootstrapServers)
{
    private string _trouble = "";

    /// <summary>Empty where all is well.</summary>
    public string Trouble => Volatile.Read(ref _trouble);

    public void Well() => Volatile.Write(ref _trouble, "");

    /// <summary>No broker, or not the one that is needed, can be reached.</summary>
    public void Away(string reason) => Volatile.Write(ref _trouble,
        $"{name}: no answer from the brokers ({reason}). Check that one of {bootstrapServers} runs and can be reached from here; it goes on by itself once one does.");

    public void Say(string trouble) => Volatile.Write(ref _trouble, $"{name}: {trouble}");

    /// <summary>An error that librdkafka reports beside the stream and handles itself.</summary>
    public void Take(Error error)
    {
        if (error.Code is ErrorCode.Local_AllBrokersDown or ErrorCode.Local_Transport or ErrorCode.Local_Resolve or ErrorCode.Local_TimedOut) Away(error.Reason);
        else Say(error.Reason);
    }
}
