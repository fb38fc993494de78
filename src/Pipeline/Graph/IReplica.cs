namespace StreamMLOps.Pipeline;

/// <summary>A scoring copy of a model: applies whole events between chunks, so a version is never half applied.</summary>
public interface IReplica
{
    /// <summary>Scores all rows of the chunk with one version; never waits for learning or for the database.</summary>
    void Score(Chunk chunk);
}
