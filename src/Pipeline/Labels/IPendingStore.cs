using System.Buffers;

namespace StreamMLOps.Pipeline;

/// <summary>
/// What is known of ids that are not forgotten yet, with the features of those that wait: bounded in memory, larger on disk. A cache: the
/// journal and the source have all of it, so it may be lost. One user at a time.
/// </summary>
public interface IPendingStore : IDisposable
{
    /// <summary>Ids in it.</summary>
    long Count { get; }

    /// <summary>The note of the checkpoint that was opened; empty where the store began empty.</summary>
    byte[] Note { get; }

    /// <summary>What is known of an id.</summary>
    /// <param name="id">The id.</param>
    /// <param name="entry">What is known.</param>
    /// <param name="row">Receives the features, where they are asked for and wait; may be null.</param>
    /// <returns>Whether anything is.</returns>
    bool TryGet(ReadOnlySpan<byte> id, out JoinEntry entry, IBufferWriter<byte>? row = null);

    /// <summary>Stores what is known of an id, in place of what was. Stamps never fall from one call to the next.</summary>
    void Put(ReadOnlySpan<byte> id, in JoinEntry entry, ReadOnlySpan<byte> row = default);

    /// <summary>Whether part of it is on disk alone, so that <see cref="Prefetch"/> is worth its while.</summary>
    bool IsOnDisk => false;

    /// <summary>Says which ids will be asked for next, so that they are read from disk together. Nothing else depends on it.</summary>
    void Prefetch(IReadOnlyList<ReadOnlyMemory<byte>> ids);

    /// <summary>Takes out entries with a stamp below <paramref name="stamp"/>, in the order in which they were stored.</summary>
    /// <param name="stamp">Entries from here on stay.</param>
    /// <param name="swept">Takes each.</param>
    /// <param name="most">About how many at a time: a jump of time may sweep all there is, of which not all fits into memory.</param>
    /// <returns>Whether all of them are out; false: call again.</returns>
    bool Sweep(long stamp, SweptEntry swept, int most = int.MaxValue);

    /// <summary>
    /// Begins to make what is stored now survive a kill, together with a note of the caller's (the positions that it is about). The store may be
    /// used meanwhile; what is stored after the call is not in the checkpoint. One at a time.
    /// </summary>
    /// <returns>Ends when a kill no longer harms it.</returns>
    Task Checkpoint(ReadOnlySpan<byte> note);
}

/// <summary>Takes an entry that was swept, with its features where there are some; id and row are valid during the call. The store must not be called from it.</summary>
public delegate void SweptEntry(ReadOnlySpan<byte> id, JoinEntry entry, ReadOnlySpan<byte> row);
