namespace StreamMLOps.Learning;

/// <summary>Why a record did not become a row. A refusal is a value: the stream goes on, the record goes to the dead letters.</summary>
public enum RowFault
{
    /// <summary>No fault: the row is in the batch.</summary>
    None,

    /// <summary>The record holds no row (a blank line, a comment): skipped and counted, no dead letter.</summary>
    Blank,

    /// <summary>The label is missing or is not a number.</summary>
    BadLabel,

    /// <summary>A feature index is not a whole number from 0 to 4,294,967,295.</summary>
    BadIndex,

    /// <summary>A feature value is not a number.</summary>
    BadValue,

    /// <summary>A value, or the sum of a feature's duplicates, is NaN or infinite.</summary>
    NotFinite,

    /// <summary>More than <see cref="RowBatch.MaxFeatures"/> features.</summary>
    TooManyFeatures,

    /// <summary>The record is larger than the limit.</summary>
    TooLarge,

    /// <summary>The record is not of the format at all (broken JSON, bad UTF-8, wrong type of a mapped field).</summary>
    Malformed,

    /// <summary>A field that the mapping requires is not there.</summary>
    MissingField,

    /// <summary>A field has another type than the schema says.</summary>
    SchemaViolation,
}
