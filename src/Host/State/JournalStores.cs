using StreamMLOps.Pipeline;

namespace StreamMLOps.Host;

/// <summary>Opens the journal that settings name.</summary>
public static class JournalStores
{
    /// <summary>Opens it, waiting for a database that is away.</summary>
    /// <param name="settings">The journal's settings.</param>
    /// <param name="folder">The node's data folder.</param>
    /// <param name="say">Takes a line for people while a database is away.</param>
    /// <param name="stop">Ends the waiting.</param>
    /// <exception cref="BadInputException">It cannot be opened, and waiting would be in vain.</exception>
    public static async Task<IJournalStore> Open(JournalSettings settings, DataFolder folder, Action<string> say, CancellationToken stop) => settings.Provider switch
    {
        JournalProvider.Postgresql => await PostgresJournal.Open(settings.ConnectionString, say, stop).ConfigureAwait(false),
        _ => SqliteJournal.Open(folder.Journal, settings.LockTimeout),
    };
}
