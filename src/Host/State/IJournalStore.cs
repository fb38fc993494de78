namespace StreamMLOps.Host;

/// <summary>Where events and snapshots are: a database, as Akka.Persistence.Sql needs to know it.</summary>
public interface IJournalStore
{
    /// <summary>linq2db's name of the provider.</summary>
    string ProviderName { get; }

    /// <summary>What every connection uses.</summary>
    string ConnectionString { get; }

    /// <summary>Identity of the journal: nodes of a cluster must have the same.</summary>
    string Id { get; }

    /// <summary>For people.</summary>
    string Name { get; }

    /// <summary>Closes pooled connections.</summary>
    void Close();
}
