using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>
/// Numbers of features, a block of equal length each, moved by one optimizer: a weight for each class, or for each factor. Block 0 is free for the intercept.
/// </summary>
internal abstract class WeightBlocks
{
    /// <summary>Of a value and of a gradient; products and sums over the longest row stay finite.</summary>
    public const double Largest = 1e60;

    /// <summary>Numbers in a block, the optimizer's own not counted; a multiple of what is worked on at a time.</summary>
    public int Size { get; private set; }

    /// <summary>Blocks there are.</summary>
    public int Count { get; private set; }

    protected double[] Numbers { get; private set; } = [];

    protected abstract int Width { get; }

    protected abstract string Name { get; }

    /// <summary>A feature's value as models of blocks take it.</summary>
    public static double Hold(double value) => Math.Clamp(value, -Largest, Largest);

    /// <summary>The weights of a block.</summary>
    public Span<double> this[int block] => Numbers.AsSpan(At(block), Size);

    /// <summary>Makes room: new blocks and new numbers of old blocks are zeros.</summary>
    public void Reserve(int blocks, int size)
    {
        size = (size + Vector128<double>.Count - 1) / Vector128<double>.Count * Vector128<double>.Count;
        if (size > Size)
        {
            // Room for half as many again, because classes come one by one.
            var wider = Size == 0 ? size : Math.Max(size, (Size + Size / 2 + 1) / 2 * 2);
            var moved = new double[Capacity(Math.Max(blocks, Count), wider)];
            for (var column = 0; column < Count * Width; column++) Numbers.AsSpan(column * Size, Size).CopyTo(moved.AsSpan(column * wider));
            (Numbers, Size) = (moved, wider);
        }
        if ((long)blocks * Width * Size > Numbers.Length)
        {
            var larger = new double[Capacity(Math.Max(blocks, (int)(Count * 1.4)), Size)];
            Numbers.CopyTo(larger, 0);
            Numbers = larger;
        }
        Count = Math.Max(Count, blocks);
    }

    /// <summary>Told before each row how many rows were learned.</summary>
    public abstract void Begin(long rows);

    /// <summary>Moves a block by its gradients, as many as <see cref="Size"/>.</summary>
    public abstract void Step(int block, ReadOnlySpan<double> gradients);

    /// <summary>Writes the first <paramref name="size"/> numbers of each block.</summary>
    public void Save(StateWriter writer, int size)
    {
        writer.Text(Name);
        writer.Int32(Count);
        writer.Int32(size);
        for (var column = 0; column < Count * Width; column++)
            for (var k = 0; k < size; k++) writer.Double(Numbers[column * Size + k]);
    }

    /// <summary>Replaces all blocks.</summary>
    public void Load(StateReader reader, int blocks, int size)
    {
        var name = reader.Text();
        if (name != Name) throw new StateFormatException($"the state is of '{name}', this model is '{Name}': load it with the settings it was saved with");
        if ((reader.Int32(), reader.Int32()) != (blocks, size)) throw new StateFormatException($"not {blocks} blocks of {size} numbers: the bytes are damaged");
        if ((long)blocks * size * Width * sizeof(double) > reader.Remaining) throw new StateFormatException("blocks are missing: the bytes are cut short or damaged");
        (Numbers, Size, Count) = ([], 0, 0);
        Reserve(blocks, size);
        for (var column = 0; column < Count * Width; column++)
            for (var k = 0; k < size; k++) Numbers[column * Size + k] = reader.Finite();
    }

    protected int At(int block) => block * Width * Size;

    private int Capacity(int blocks, int size) => checked(blocks * Width * size);
}

/// <summary>The blocks of one optimizer.</summary>
internal sealed class WeightBlocks<TOptimizer>(TOptimizer optimizer) : WeightBlocks where TOptimizer : struct, ILinearOptimizer<double>
{
    private TOptimizer _optimizer = optimizer;

    protected override int Width => TOptimizer.Width;

    protected override string Name => TOptimizer.Name;

    public override void Begin(long rows) => _optimizer.Begin(rows);

    public override void Step(int block, ReadOnlySpan<double> gradients)
    {
        var first = Numbers.AsSpan(At(block), Size);
        var second = TOptimizer.Width > 1 ? Numbers.AsSpan(At(block) + Size, Size) : default;
        var third = TOptimizer.Width > 2 ? Numbers.AsSpan(At(block) + 2 * Size, Size) : default;
        var largest = Vector128.Create(Largest);
        for (var k = 0; k < Size; k += Vector128<double>.Count)
        {
            var weight = Vector128.Create<double>(first[k..]);
            var b = TOptimizer.Width > 1 ? Vector128.Create<double>(second[k..]) : default;
            var c = TOptimizer.Width > 2 ? Vector128.Create<double>(third[k..]) : default;
            _optimizer.Step(Vector128.ClampNative(Vector128.Create(gradients[k..]), -largest, largest), ref weight, ref b, ref c);
            Vector128.ClampNative(weight, -largest, largest).CopyTo(first[k..]);
            if (TOptimizer.Width > 1) b.CopyTo(second[k..]);
            if (TOptimizer.Width > 2) c.CopyTo(third[k..]);
        }
    }
}
