using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>
/// The logarithm of a product of many positive normal numbers, in two lanes, at the price of one logarithm a lane: mantissas are multiplied and exponents added, so that
/// nothing over- or underflows. Operations are single and in the order of the calls: the bits are the same on every machine.
/// </summary>
internal struct LogProduct
{
    /// <summary>Factors between two calls of <see cref="Rebase"/>: mantissas are below 2 each, and 2^512 is far from overflow.</summary>
    public const int MostFactors = 512;

    private Vector128<double> _mantissas;
    private Vector128<ulong> _exponents;    // biased, each, by 1023
    private int _factors;
    private long _rebased0, _rebased1;

    /// <summary>The empty product.</summary>
    public static LogProduct One => new() { _mantissas = Vector128<double>.One };

    /// <summary>Multiplies each lane by a positive normal number; <see cref="Rebase"/> is due after <see cref="MostFactors"/> of them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Multiply(Vector128<double> factors)
    {
        var bits = factors.AsUInt64();
        _exponents += Vector128.ShiftRightLogical(bits, 52);
        _mantissas *= ((bits & Vector128.Create(0x000FFFFFFFFFFFFFUL)) | Vector128.Create(0x3FF0000000000000UL)).AsDouble();
        _factors++;
    }

    /// <summary>The logarithms of the lanes.</summary>
    public (double First, double Second) Logs()
    {
        Span<double> logs = stackalloc double[4];
        var one = One;
        Logs(ref this, ref one, logs);
        return (logs[0], logs[1]);
    }

    /// <summary>The logarithms of the lanes of two products, together: four cost what one does.</summary>
    public static void Logs(ref LogProduct first, ref LogProduct second, Span<double> logs)
    {
        const double ln2 = 0.6931471805599453;
        first.Rebase();
        second.Rebase();
        (logs[0], logs[1]) = (first._mantissas.GetElement(0), first._mantissas.GetElement(1));
        (logs[2], logs[3]) = (second._mantissas.GetElement(0), second._mantissas.GetElement(1));
        DeterministicLogs.InPlace(logs[..4]);
        (logs[0], logs[1]) = (logs[0] + first._rebased0 * ln2, logs[1] + first._rebased1 * ln2);
        (logs[2], logs[3]) = (logs[2] + second._rebased0 * ln2, logs[3] + second._rebased1 * ln2);
    }

    /// <summary>Brings the product of the mantissas back to [1, 2).</summary>
    public void Rebase()
    {
        var bits = _mantissas.AsUInt64();
        var all = _exponents + Vector128.ShiftRightLogical(bits, 52);
        var bias = 1023L * (_factors + 1);
        _rebased0 += (long)all.GetElement(0) - bias;
        _rebased1 += (long)all.GetElement(1) - bias;
        _mantissas = ((bits & Vector128.Create(0x000FFFFFFFFFFFFFUL)) | Vector128.Create(0x3FF0000000000000UL)).AsDouble();
        (_exponents, _factors) = (default, 0);
    }
}
