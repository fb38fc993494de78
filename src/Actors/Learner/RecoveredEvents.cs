using Akka.Actor;
using Akka.Streams;

namespace StreamMLOps.Actors;

/// <summary>
/// What a learner needs for its recovery that its journal no longer has, or never had: events that were moved to files, and rows that events name
/// by position. Recovery takes one event after the other, so that its thread waits for what is read: there is nothing else to do until it is there.
/// </summary>
internal sealed class RecoveredEvents(LearnerDefinition definition, ActorSystem system)
{
    private ReferencedRows? _rows;

    /// <summary>The state just before an event, where no sound snapshot is left and the first events are in files.</summary>
    /// <param name="sequence">The event's number.</param>
    /// <param name="first">The first event that the journal has.</param>
    /// <exception cref="FoldException">The files do not have all events before it.</exception>
    public LearnerFold FoldBefore(long sequence, JournalEvent first)
    {
        var reader = new JournalReader(system, archive: definition.Archive, sources: _ => (definition.Source, definition.Decoder));
        var fold = definition.Archive?.Last(definition.PersistenceId) >= sequence - 1
            ? Wait(() => reader.Rebuild(definition.PersistenceId, definition.Define, sequence - 1, useSnapshots: false))
            : null;
        return fold ?? throw new FoldException(JournalReader.NoGenesis(definition.PersistenceId, sequence, first));
    }

    /// <summary>The event with its rows.</summary>
    /// <exception cref="RowsGoneException">Their source no longer has them.</exception>
    public JournalEvent WithRows(long sequence, JournalEvent e)
    {
        if (e is not Learned { HasRows: false } learned) return e;
        var rows = _rows ??= new ReferencedRows(definition.Source, definition.Decoder, system.Materializer());
        return Wait(() => rows.Resolve(sequence, learned).AsTask());
    }

    /// <summary>Ends the reading of the source; for when recovery is over.</summary>
    public void Close()
    {
        if (_rows is { } rows) _ = Task.Run(() => rows.DisposeAsync().AsTask());
        _rows = null;
    }

    private static T Wait<T>(Func<Task<T>> read) => Task.Run(read).GetAwaiter().GetResult();
}
