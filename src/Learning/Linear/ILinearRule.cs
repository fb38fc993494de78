using System.Numerics;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>Sums over a row's features: the margin <c>w·x</c> and up to two more that a rule asks for.</summary>
internal readonly record struct RowSums(double Margin, double Second, double Third);

/// <summary>
/// How a linear model learns: what is summed over a row, what follows from the sums, and how each feature then moves. An implementation is a
/// mutable struct, so that the loops over a row are compiled for it. Only element-wise operations that IEEE 754 rounds exactly.
/// </summary>
/// <remarks>A feature has <see cref="Width"/> numbers, all zero when it is first seen; a value of 0 must add nothing and change nothing.</remarks>
internal interface ILinearRule<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Its name, written into the state.</summary>
    static abstract string Name { get; }

    /// <summary>Numbers kept for a feature, 1 to 4.</summary>
    static abstract int Width { get; }

    /// <summary>Adds what a few features contribute to the row's sums.</summary>
    void Add(Vector128<T> x, Vector128<T> a, Vector128<T> b, Vector128<T> c, Vector128<T> d, ref Vector128<T> margin, ref Vector128<T> second, ref Vector128<T> third);

    /// <summary>The model's score.</summary>
    double Score(in RowSums sums);

    /// <summary>Looks at a labelled row; what <see cref="Step"/> needs is kept in the struct.</summary>
    /// <returns>Whether features move.</returns>
    bool Decide(in RowSums sums, double label, double weight);

    /// <summary>Moves a few features.</summary>
    void Step(Vector128<T> x, ref Vector128<T> a, ref Vector128<T> b, ref Vector128<T> c, ref Vector128<T> d);

    /// <summary>Writes what the rule knows beyond the features.</summary>
    void Save(StateWriter writer);

    /// <summary>Reads it.</summary>
    void Load(StateReader reader);
}
