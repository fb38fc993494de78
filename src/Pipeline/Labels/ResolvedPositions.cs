using System.Numerics;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>
/// Which offsets of a partition are done with: all below a watermark, and above it those of a compressed bitmap. The bitmap is cut into
/// blocks of 65,536 offsets, each a sorted list while it is thin, bits where it is dense, and nothing but its name where it is full; the
/// form follows from the content alone, so equal sets write equal bytes. Source: Chambi, Lemire, Kaser and Godin, Better bitmap performance
/// with Roaring bitmaps, Software: Practice and Experience 46(5), 2016.
/// </summary>
public sealed class ResolvedPositions
{
    private const string SectionName = "resolved-positions";
    private const int BlockBits = 16;
    private const int BlockSize = 1 << BlockBits;
    private readonly SortedDictionary<long, Block> _blocks = [];

    /// <summary>All offsets below the first one are done with.</summary>
    /// <param name="first">The partition's first offset that counts.</param>
    public ResolvedPositions(long first)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        Watermark = first;
    }

    /// <summary>Every offset below it is done with, and it itself is not.</summary>
    public long Watermark { get; private set; }

    /// <summary>Offsets above the watermark that are done with.</summary>
    public long Above { get; private set; }

    /// <summary>Whether an offset is done with.</summary>
    public bool Contains(long offset) =>
        offset < Watermark || (_blocks.TryGetValue(offset >> BlockBits, out var block) && block.Contains((int)(offset & (BlockSize - 1))));

    /// <summary>States that an offset is done with.</summary>
    /// <returns>Whether it was not before.</returns>
    public bool Add(long offset)
    {
        if (offset < Watermark) return false;
        if (offset == Watermark)
        {
            Watermark++;
            Advance();
            return true;
        }
        var key = offset >> BlockBits;
        if (!_blocks.TryGetValue(key, out var block)) _blocks.Add(key, block = new Block());
        if (!block.Add((int)(offset & (BlockSize - 1)))) return false;
        Above++;
        return true;
    }

    /// <summary>Writes canonical bytes.</summary>
    public void Save(StateWriter writer)
    {
        writer.Section(SectionName, 1);
        writer.Int64(Watermark);
        writer.Int32(_blocks.Count);
        foreach (var (key, block) in _blocks)
        {
            writer.Int64(key);
            block.Save(writer);
        }
    }

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <exception cref="StateFormatException">Newer, of another kind, or damaged.</exception>
    public static ResolvedPositions Load(StateReader reader)
    {
        reader.Section(SectionName, 1);
        var positions = new ResolvedPositions(Math.Max(0, reader.Int64()));
        var previous = -1L;
        for (var i = reader.Int32(); i > 0; i--)
        {
            var key = reader.Int64();
            if (key <= previous) throw new StateFormatException("blocks of resolved positions are not ascending: the bytes are damaged");
            var block = Block.Load(reader);
            positions._blocks.Add(previous = key, block);
            positions.Above += block.Count;
        }
        if (positions.Contains(positions.Watermark)) throw new StateFormatException("a watermark of resolved positions is resolved itself: the bytes are damaged");
        return positions;
    }

    // The watermark's own block holds offsets below it no longer: what is below is said by the watermark alone.
    private void Advance()
    {
        while (_blocks.Count > 0)
        {
            var key = Watermark >> BlockBits;
            if (!_blocks.TryGetValue(key, out var block)) return;
            var from = (int)(Watermark & (BlockSize - 1));
            var run = block.TakeRun(from);
            Above -= run;
            Watermark += run;
            if (block.Count == 0) _blocks.Remove(key);
            if (run == 0 || Watermark >> BlockBits == key) return;
        }
    }

    private sealed class Block
    {
        private const int Dense = 4096; // from here on, bits are smaller than a list
        private const byte ListForm = 0, BitsForm = 1, FullForm = 2;
        private List<ushort>? _list = [];
        private ulong[]? _bits;

        public int Count { get; private set; }

        public bool Contains(int i) => _bits is { } bits ? (bits[i >> 6] >> (i & 63) & 1) != 0 : _list is null || _list.BinarySearch((ushort)i) >= 0;

        public bool Add(int i)
        {
            if (_list is null && _bits is null) return false;
            if (_list is { } list)
            {
                // Offsets mostly come in order.
                var at = list.Count > 0 && list[^1] < i ? ~list.Count : list.BinarySearch((ushort)i);
                if (at >= 0) return false;
                list.Insert(~at, (ushort)i);
                Count++;
                if (Count > Dense) ToBits();
                return true;
            }
            ref var word = ref _bits![i >> 6];
            if ((word >> (i & 63) & 1) != 0) return false;
            word |= 1UL << (i & 63);
            if (++Count == BlockSize) _bits = null;
            return true;
        }

        /// <summary>Takes out all consecutive members from <paramref name="from"/> on; answers how many.</summary>
        public int TakeRun(int from)
        {
            var run = 0;
            while (from + run < BlockSize && Contains(from + run)) run++;
            if (run == 0) return 0;
            if (_list is { } list)
            {
                list.RemoveRange(list.BinarySearch((ushort)from), run);
            }
            else
            {
                if (_bits is null) _bits = AllBits();
                for (var i = from; i < from + run; i++) _bits[i >> 6] &= ~(1UL << (i & 63));
            }
            Count -= run;
            if (_bits is not null && Count <= Dense) ToList();
            return run;
        }

        public void Save(StateWriter writer)
        {
            writer.Byte(_bits is not null ? BitsForm : _list is null ? FullForm : ListForm);
            if (_bits is not null) writer.Array<ulong>(_bits);
            else if (_list is not null) writer.Array<ushort>(_list.ToArray());
        }

        public static Block Load(StateReader reader)
        {
            var block = new Block();
            switch (reader.Byte())
            {
                case ListForm:
                    var list = reader.Array<ushort>();
                    for (var i = 1; i < list.Length; i++)
                        if (list[i] <= list[i - 1]) throw new StateFormatException("a list of resolved positions is not ascending: the bytes are damaged");
                    if (list.Length is 0 or > Dense) throw new StateFormatException("a list of resolved positions has the wrong length: the bytes are damaged");
                    block._list = [.. list];
                    block.Count = list.Length;
                    return block;
                case BitsForm:
                    block._list = null;
                    block._bits = reader.Array<ulong>();
                    if (block._bits.Length != BlockSize / 64) throw new StateFormatException("a bitmap of resolved positions has the wrong length: the bytes are damaged");
                    block.Count = block._bits.Sum(BitOperations.PopCount);
                    if (block.Count is <= Dense or BlockSize) throw new StateFormatException("a bitmap of resolved positions is not in its canonical form: the bytes are damaged");
                    return block;
                case FullForm:
                    block._list = null;
                    block.Count = BlockSize;
                    return block;
                default:
                    throw new StateFormatException("a block of resolved positions has an unknown form: the bytes are newer or damaged");
            }
        }

        private static ulong[] AllBits()
        {
            var bits = new ulong[BlockSize / 64];
            bits.AsSpan().Fill(ulong.MaxValue);
            return bits;
        }

        private void ToBits()
        {
            _bits = new ulong[BlockSize / 64];
            foreach (var i in _list!) _bits[i >> 6] |= 1UL << (i & 63);
            _list = null;
        }

        private void ToList()
        {
            _list = new List<ushort>(Count);
            for (var i = 0; i < BlockSize; i++)
                if ((_bits![i >> 6] >> (i & 63) & 1) != 0) _list.Add((ushort)i);
            _bits = null;
        }
    }
}
