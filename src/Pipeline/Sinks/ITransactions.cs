namespace StreamMLOps.Pipeline;

/// <summary>
/// What leaves the score leg for some chunks, and the offsets that they came from, as one: whoever reads only what is committed sees all of it
/// or nothing. Between <see cref="Begin"/> and the subscription's commit, which ends the transaction, writes of its sinks belong to it.
/// </summary>
public interface ITransactions : IAsyncDisposable
{
    /// <summary>What is wrong at present and is waited for, for people; empty where all is well.</summary>
    string Trouble => "";

    /// <summary>Makes the writer known to the brokers, and ends what its predecessor left open.</summary>
    /// <exception cref="SinkException">The brokers have no transactions.</exception>
    ValueTask Open();

    /// <summary>Begins a transaction.</summary>
    ValueTask Begin();

    /// <summary>Takes back what was written since <see cref="Begin"/>; nothing where none is open.</summary>
    ValueTask Abort();
}

/// <summary>A transaction that did not come about: what was in it is scored again, from the committed positions.</summary>
public sealed class TransactionAbortedException(string message, Exception? inner = null) : Exception(message, inner);
