using System.Numerics;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>
/// How a gradient moves the parameters of a feature. An implementation is a struct, so that the loop over a row is compiled
/// for it. Only element-wise operations that IEEE 754 rounds exactly: a lane's result does not depend on the vector's width.
/// </summary>
internal interface ILinearOptimizer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Its name in settings, written into the state.</summary>
    static abstract string Name { get; }

    /// <summary>Numbers kept for a feature, 1 to 3, the weight first.</summary>
    static abstract int Width { get; }

    /// <summary>Whether weights move in rows whose gradient is zero too.</summary>
    static virtual bool Shrinks => false;

    /// <summary>Told before each row how many rows were learned; for rates that follow a schedule.</summary>
    void Begin(long rows);

    /// <summary>Moves the parameters of a few features by their gradients. A gradient of zero must change nothing of a fresh feature.</summary>
    void Step(Vector128<T> gradient, ref Vector128<T> weight, ref Vector128<T> second, ref Vector128<T> third);
}
