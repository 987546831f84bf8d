using Iced.Intel;
using System.Runtime.InteropServices;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>
/// Kernel <c>conv_u8s8s32_MTxNT_amx</c> for weights whose channels share 2:4 patterns: half of the products are not computed. What the panel's channels keep of two blocks of 64 bytes of the window is brought together for each
/// pixel by two VPSHUFBs and stored in scratch memory, as the rows of the tiles that are multiplied with the kept weights (<see cref="SharedTileWeights"/>). This runs one or two steps ahead of the products, also from a task to
/// the next, so that the stores are over when tiles are loaded; then the next product's tiles are loaded before vectors are, because the two do not overlap.
/// </summary>
internal sealed class ConvSharedAmxEmitter : ConvAmxEmitter
{
    /// <summary>Most steps that are gathered ahead.</summary>
    private const int MostAhead = 2;

    /// <summary>Scratch memory of a thread: that of tasks, and the gathered rows of a step for each slot.</summary>
    public static new int ScratchBytes => ConvAmxEmitter.ScratchBytes + (MostAhead + 2) * Accumulators * TileUnit.TileBytes;

    // Steps with an epilogue between their products; more are a loop without one.
    private const int EpilogueSteps = 9;

    // Registers between those of the epilogue: pairs for what is gathered, then what tells VPSHUFB.
    private const int FirstGathered = 12, GatheredPairs = 3, Index = 18;

    // k4: the upper half of each 128-bit lane.
    private const long UpperHalves = unchecked((long)0xff00ff00ff00ff00);

    private static readonly AssemblerRegister64 s_gathered = rdx, s_first = r9, s_second = rbp, s_offsets = rcx;

    private readonly SharedTileWeights _weights;
    private readonly SharedTileSlots _slots;
    private Label _offsetTable;

    public ConvSharedAmxEmitter(ConvKernelSpec spec, Func<Assembler, TileUnit> unit) : base(spec, unit)
    {
        _weights = new SharedTileWeights(spec.Panel, spec.Reduction);
        // Of few steps on two vectors, one ahead was measured to be better.
        _slots = SharedTileSlots.For(_weights.Steps, spec.Reduction.Runs == 1 && Vectors == 2 ? 1 : MostAhead);
        _offsetTable = Asm.CreateLabel();
    }

    protected override int PanelWeightBytes => (int)_weights.Bytes;

    protected override int AccumulatorTurns => FirstGathered / 4;

    private int Steps => _weights.Steps;

    private static AssemblerMemoryOperand NextWeights => Own(0);

    private static AssemblerMemoryOperand RoundsLeft => Own(1);

    protected override void OpenKernel()
    {
        Asm.mov(s_gathered, UpperHalves);
        Asm.kmovq(k4, s_gathered);
        Asm.mov(s_gathered, Argument(nameof(ConvKernelArgs.Scratch)));
        Asm.add(s_gathered, ConvAmxEmitter.ScratchBytes);
        if (_slots.Ahead == 0) return;
        Asm.mov(NextWeights, Weights);
        Asm.mov(s_first, Tiles);
        OpenGathering();
        for (var step = 0; step < _slots.Ahead; step++)
            foreach (var action in GatherOfNext(step)) action();
    }

    protected override void Products(Action[] epilogue)
    {
        if (_slots.Ahead == 0)
        {
            Asm.lea(s_offsets, __[_offsetTable]);
            foreach (var action in Gather(0, () => Asm.vmovdqu64(Zmm(Index), __zmmword_ptr[Weights]))) action();
        }
        var (head, rounds) = _slots.Loop(Steps <= EpilogueSteps ? Steps : EpilogueSteps);
        var done = 0;
        void Straight(int from, int end)
        {
            for (var step = from; step < end; step++)
            {
                var until = (int)((long)epilogue.Length * Math.Min(step + 1, head) / head);
                Step(step, GatherBeside(step), epilogue.AsSpan(done, until - done).ToArray());
                done = until;
            }
        }
        Straight(0, head);
        if (rounds > 0)
        {
            Asm.mov(RoundsLeft, rounds);
            var top = Asm.CreateLabel();
            Asm.Label(ref top);
            for (var step = head; step < head + _slots.Period; step++) Step(step, Gather(step + _slots.Ahead, IndexAhead), []);
            Asm.dec(RoundsLeft);
            Asm.jne(top);
        }
        Straight(head + rounds * _slots.Period, Steps);
        Asm.sub(Weights, PanelWeightBytes);
    }

    protected override void OutOfLine()
    {
        base.OutOfLine();
        Asm.Label(ref _offsetTable);
        for (var block = 0; block < 2 * Steps; block++) Asm.dd(unchecked((uint)(block < _weights.Blocks ? Offset(block) : 0)));
    }

    // A step's products; gathering and an epilogue go on between them.
    private void Step(int step, List<Action> gather, Action[] epilogue)
    {
        var products = Tiling.Count * Vectors;
        LoadTiles(step, 0);
        for (var product = 0; product < products; product++)
        {
            if (step == 0) Restart(product);
            Spec.Arithmetic.MultiplyAdd(Unit, product, Pixels(step, product), Right(step, product));
            if (product + 1 < products) LoadTiles(step, product + 1);
            for (var i = gather.Count * product / products; i < gather.Count * (product + 1) / products; i++) gather[i]();
            for (var i = epilogue.Length * product / products; i < epilogue.Length * (product + 1) / products; i++) epilogue[i]();
        }
        Asm.add(Weights, _weights.RecordBytes);
    }

    // A single tile takes the two registers in turn, so that it is loaded while the other is used.
    private int Pixels(int step, int product) => FirstPixels + (Tiling.Count == 1 ? step : product / Vectors) % 2;

    private int Right(int step, int product) => FirstWeights + (Vectors == 1 ? step : product % Vectors) % 2;

    private void LoadTiles(int step, int product)
    {
        var (tile, vector) = Math.DivRem(product, Vectors);
        if (vector == 0) Unit.Load(Pixels(step, product), s_gathered, Stride64, Slot(_slots.Of(step)) + tile * Tiling.Rows * TileUnit.RowBytes);
        // Two vectors stay for all tiles; of four each has one.
        if (tile == 0) LoadWeights(Right(step, product), SharedTileWeights.IndexBytes + vector * TileUnit.TileBytes);
    }

    private int Slot(int slot) => slot * Tiling.Count * Tiling.Rows * TileUnit.RowBytes;

    // What is gathered while a step is multiplied: a later step of the task, or the first ones of the next.
    private List<Action> GatherBeside(int step)
    {
        if (_slots.Ahead == 0) return [];
        var gathered = step + _slots.Ahead;
        if (gathered < Steps) return Gather(gathered, IndexAhead);
        return gathered == Steps ? [() => OpenNextTask(step), .. GatherOfNext(0)] : GatherOfNext(gathered - Steps);
    }

    private void IndexAhead() => Asm.vmovdqu64(Zmm(Index), __zmmword_ptr[Weights + _slots.Ahead * _weights.RecordBytes]);

    private List<Action> GatherOfNext(int step) => Gather(step, () =>
    {
        Asm.mov(s_first, NextWeights);
        Asm.vmovdqu64(Zmm(Index), __zmmword_ptr[s_first + step * _weights.RecordBytes]);
    });

    private List<Action> Gather(int step, Action loadIndex)
    {
        var hasSecond = 2 * step + 1 < _weights.Blocks;
        var actions = new List<Action>
        {
            () =>
            {
                loadIndex();
                Asm.movsxd(s_first, __dword_ptr[s_offsets]);
                Asm.movsxd(s_second, __dword_ptr[s_offsets + sizeof(int)]);
                Asm.add(s_offsets, 2 * sizeof(int));
                Asm.add(s_first, Pixel);
                Asm.add(s_second, Pixel);
            },
        };
        for (var tile = 0; tile < Tiling.Count; tile++)
            for (var row = 0; row < Tiling.Rows; row++)
            {
                var (pixel, offset) = (tile * Tiling.Rows + row, Tiling.Offsets[tile] + row * Spec.Block.InputColumn);
                actions.Add(() => GatherPixel(pixel, offset, Slot(_slots.Of(step)), hasSecond));
            }
        return actions;
    }

    private void GatherPixel(int pixel, int offset, int slot, bool hasSecond)
    {
        var first = FirstGathered + pixel % GatheredPairs * 2;
        var (kept, other) = (Zmm(first), Zmm(first + 1));
        Asm.vmovdqu64(kept, __zmmword_ptr[s_first + offset]);
        if (hasSecond) Asm.vmovdqu64(other, __zmmword_ptr[s_second + offset]);
        Asm.vpshufb(kept, kept, Zmm(Index));
        if (hasSecond) Asm.vpshufb(kept.k4, other, Zmm(Index));
        Asm.vmovdqa64(__zmmword_ptr[s_gathered + (slot + pixel * TileUnit.RowBytes)], kept);
    }

    // The task after the present one: the next tiles, or the first tiles with the next panel. After the last task, what is gathered is not used.
    private void OpenNextTask(int step)
    {
        var known = Asm.CreateLabel();
        Asm.lea(Pixel, __[Weights - step * _weights.RecordBytes]);
        Asm.lea(s_first, __[Tiles + Marshal.SizeOf<BlockOffsets>()]);
        Asm.cmp(TilesLeft, 1);
        Asm.jne(known);
        Asm.mov(s_first, Argument(nameof(ConvKernelArgs.Blocks)));
        Asm.cmp(PanelsLeft, 1);
        Asm.je(known);
        Asm.add(Pixel, PanelWeightBytes);
        Asm.Label(ref known);
        Asm.mov(NextWeights, Pixel);
        OpenGathering();
    }

    // The first window of the task whose offsets are at s_first.
    private void OpenGathering()
    {
        Asm.mov(Pixel, Argument(nameof(ConvKernelArgs.Input)));
        Asm.add(Pixel, Field<BlockOffsets>(s_first, nameof(BlockOffsets.Input)));
        Asm.lea(s_offsets, __[_offsetTable]);
    }
}
