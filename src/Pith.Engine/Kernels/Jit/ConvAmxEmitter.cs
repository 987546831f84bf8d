using Iced.Intel;
using System.Runtime.InteropServices;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>
/// Kernels <c>conv_u8s8s32_MTxNT_amx</c> and <c>conv_bf16f32_MTxNT_amx</c>: up to four accumulator tiles (2 x 2, 4 x 1 or 1 x 4 of pixels by 16 channels) with TDPBUSD or TDPBF16PS, 64 bytes of the reduction at a time, reading the image where it
/// lies. The epilogue of the task before the last runs between the products of the present one, and accumulators are stored just before they are zeroed, when their last product has long finished.
/// A task is one block of pixels on one panel. The thread's tiles are configured as <see cref="TileRows"/> says. Weights are packed as [runs][chunks of 64 bytes][V][16 rows][16 channels][4].
/// </summary>
/// <remarks>
/// The first two tasks have no predecessors: their epilogues run on whatever is in the scratch memory and write to the first task's pixels, which are written again, correctly, two tasks later.
/// </remarks>
internal class ConvAmxEmitter : KernelEmitter
{
    /// <summary>Bytes of the reduction that one product takes.</summary>
    public const int ChunkBytes = 64;

    /// <summary>Most accumulator tiles.</summary>
    public const int Accumulators = 4;

    /// <summary>Scratch memory of a thread: the accumulators of two tasks.</summary>
    public const int ScratchBytes = 2 * Accumulators * TileUnit.TileBytes;

    // Tile registers: accumulators first, then two for pixels and two for weights.
    protected const int FirstPixels = Accumulators, FirstWeights = FirstPixels + 2;

    private const int VectorRegisters = 32;

    // A stack frame with the addresses of three tasks, the newest last, each output, residual and panel; then counters.
    private const int TaskBytes = 24, Oldest = 0, Previous = TaskBytes, Current = 2 * TaskBytes, PanelsLeftAt = 3 * TaskBytes, TilesLeftAt = PanelsLeftAt + 8, Arguments = TilesLeftAt + 8, OwnAt = Arguments + 8, OwnCount = 2, FrameBytes = OwnAt + 8 * OwnCount;

    private static readonly AssemblerRegister64 s_pixelStride = r9, s_newest = r12, s_oldest = r13, s_output = r10, s_residual = r15, s_panel = r11, s_shared = r8;

    private IBlockEpilogue? _epilogue;

    public ConvAmxEmitter(ConvKernelSpec spec, Func<Assembler, TileUnit> unit)
    {
        Spec = spec;
        Tiling = new AmxTiling(spec.Block);
        Unit = unit(Asm);
        Unit.FrameOffset = FrameBytes;
    }

    /// <summary>Holds the address of the present task's first window; may be overwritten while a task runs.</summary>
    protected static AssemblerRegister64 Pixel => r14;

    /// <summary>Holds the address of the present panel's weights between tasks.</summary>
    protected static AssemblerRegister64 Weights => rbx;

    /// <summary>Holds the bytes of a tile's row.</summary>
    protected static AssemblerRegister64 Stride64 => rax;

    /// <summary>Holds the address of the present task's offsets.</summary>
    protected static AssemblerRegister64 Tiles => rsi;

    /// <summary>Overwritten between the steps of a task.</summary>
    protected static AssemblerRegister64 Temporary => rbp;

    protected ConvKernelSpec Spec { get; }

    protected AmxTiling Tiling { get; }

    protected TileUnit Unit { get; }

    protected int Vectors => Spec.Panel.Vectors;

    /// <summary>Chunks of all runs.</summary>
    protected int Chunks => Spec.Reduction.Runs * ChunksPerRun;

    /// <summary>Bytes from a panel's weights to those of the next.</summary>
    protected virtual int PanelWeightBytes => Chunks * Vectors * TileUnit.TileBytes;

    /// <summary>Registers, four at a time, that the epilogue's accumulators take in turn.</summary>
    protected virtual int AccumulatorTurns => 5;

    /// <summary>The tasks that are left of the panel, the present one included.</summary>
    protected static AssemblerMemoryOperand TilesLeft => __qword_ptr[rsp + TilesLeftAt];

    /// <summary>The panels that are left, the present one included.</summary>
    protected static AssemblerMemoryOperand PanelsLeft => __qword_ptr[rsp + PanelsLeftAt];

    /// <summary>Memory of a derived class: two numbers.</summary>
    protected static AssemblerMemoryOperand Own(int index) => __qword_ptr[rsp + (OwnAt + 8 * index)];

    private int ChunksPerRun => (Spec.Reduction.RunBytes + ChunkBytes - 1) / ChunkBytes;

    /// <summary>Rows of all tile registers: accumulators and pixels have as many as a tile has pixels, weights all 16.</summary>
    public static int[] TileRows(ConvKernelSpec spec)
    {
        var tiling = new AmxTiling(spec.Block);
        var rows = new int[TileUnit.Count];
        Array.Fill(rows, tiling.Rows);
        rows.AsSpan(FirstWeights).Fill(TileUnit.Rows);
        return rows;
    }

    protected override void OutOfLine() => _epilogue!.OutOfLine();

    protected override void Body()
    {
        // Accumulators come in register slots of four in turn; the last registers are the epilogue's.
        _epilogue = Spec.Arithmetic.Epilogue(Asm, Spec.Panel, new EpilogueRegisters(s_output, s_residual, s_panel, s_shared, Enumerable.Range(0, VectorRegisters).ToArray()), Spec.Block);
        Asm.sub(rsp, FrameBytes + Unit.FrameBytes);
        Asm.mov(__qword_ptr[rsp + Arguments], Args);
        _epilogue.LoadMask();
        Unit.Expect(TileRows(Spec));
        Asm.mov(Weights, Argument(nameof(ConvKernelArgs.Weights)));
        Asm.mov(s_shared, Argument(nameof(ConvKernelArgs.Shared)));
        Asm.mov(s_newest, Argument(nameof(ConvKernelArgs.Scratch)));
        Asm.lea(s_oldest, __[s_newest + Accumulators * TileUnit.TileBytes]);
        Asm.mov(Stride64, TileUnit.RowBytes);
        Asm.mov(s_pixelStride, Spec.Block.InputColumn);
        OpenFirstTask();
        OpenKernel();

        var (panel, task) = (Asm.CreateLabel(), Asm.CreateLabel());
        Asm.Label(ref panel);
        Asm.mov(Tiles, Argument(nameof(ConvKernelArgs.Blocks)));
        Asm.mov(Pixel, Argument(nameof(ConvKernelArgs.BlockCount)));
        Asm.mov(TilesLeft, Pixel);
        Asm.Label(ref task);
        OpenTask();
        Products([.. _epilogue.Steps(Spec.Block.Pixels, LoadAccumulator)]);
        CloseTask();
        Asm.add(Tiles, Marshal.SizeOf<BlockOffsets>());
        Asm.dec(TilesLeft);
        Asm.jne(task);
        Asm.add(Weights, PanelWeightBytes);
        // The arguments are the kernel's to change.
        Advance(nameof(ConvKernelArgs.Output), Spec.OutputPanelBytes);
        Advance(nameof(ConvKernelArgs.Residual), Spec.ResidualPanelBytes);
        Advance(nameof(ConvKernelArgs.Panel), Spec.Arithmetic.PanelBytes(Vectors));
        Asm.dec(PanelsLeft);
        Asm.jne(panel);

        // What is left: the last two tasks' epilogues.
        for (var tile = 0; tile < Tiling.Count * Vectors; tile++) Unit.Store(tile, s_newest, Stride64, tile * TileUnit.TileBytes);
        Asm.mov(TilesLeft, 2);
        var rest = Asm.CreateLabel();
        Asm.Label(ref rest);
        LoadOldest();
        foreach (var step in _epilogue.Steps(Spec.Block.Pixels, LoadAccumulator)) step();
        CloseTask();
        Asm.dec(TilesLeft);
        Asm.jne(rest);
        Asm.add(rsp, FrameBytes + Unit.FrameBytes);
    }

    /// <summary>What is done once for the kernel, when the first task's offsets are in <see cref="Tiles"/>.</summary>
    protected virtual void OpenKernel()
    {
    }

    /// <summary>A field of the arguments, by way of <see cref="Temporary"/>.</summary>
    protected AssemblerMemoryOperand Argument(string field)
    {
        Asm.mov(Temporary, __qword_ptr[rsp + Arguments]);
        return Field<ConvKernelArgs>(Temporary, field);
    }

    private void Advance(string field, int bytes) => Asm.add(Argument(field), bytes);

    // Tasks before the first are the first.
    private void OpenFirstTask()
    {
        Asm.mov(Pixel, Argument(nameof(ConvKernelArgs.PanelCount)));
        Asm.mov(PanelsLeft, Pixel);
        Asm.mov(Tiles, Argument(nameof(ConvKernelArgs.Blocks)));
        SetCurrent();
        foreach (var task in (int[])[Oldest, Previous])
            for (var i = 0; i < TaskBytes; i += 8)
            {
                Asm.mov(Temporary, __qword_ptr[rsp + Current + i]);
                Asm.mov(__qword_ptr[rsp + task + i], Temporary);
            }
    }

    // Addresses of the task that Tiles points to.
    private void SetCurrent()
    {
        (string Field, string Offset)[] operands = [(nameof(ConvKernelArgs.Output), nameof(BlockOffsets.Output)), (nameof(ConvKernelArgs.Residual), nameof(BlockOffsets.Residual))];
        foreach (var (field, offset) in operands)
        {
            Asm.mov(Pixel, Argument(field));
            Asm.add(Pixel, Field<BlockOffsets>(Tiles, offset));
            Asm.mov(__qword_ptr[rsp + Current + (field == nameof(ConvKernelArgs.Output) ? 0 : 8)], Pixel);
        }
        Asm.mov(Pixel, Argument(nameof(ConvKernelArgs.Panel)));
        Asm.mov(__qword_ptr[rsp + Current + 16], Pixel);
    }

    private void OpenTask()
    {
        SetCurrent();
        Asm.mov(Pixel, Argument(nameof(ConvKernelArgs.Input)));
        Asm.add(Pixel, Field<BlockOffsets>(Tiles, nameof(BlockOffsets.Input)));
        LoadOldest();
    }

    private void LoadOldest()
    {
        Asm.mov(s_output, __qword_ptr[rsp + Oldest]);
        Asm.mov(s_residual, __qword_ptr[rsp + Oldest + 8]);
        Asm.mov(s_panel, __qword_ptr[rsp + Oldest + 16]);
    }

    private void CloseTask()
    {
        Asm.xchg(s_newest, s_oldest);
        for (var i = 0; i < 2 * TaskBytes; i += 8)
        {
            Asm.mov(Temporary, __qword_ptr[rsp + Previous + i]);
            Asm.mov(__qword_ptr[rsp + Oldest + i], Temporary);
        }
    }

    // Accumulator plus start value, in one of the registers that take turns.
    private int LoadAccumulator(int pixel, int vector, int slot)
    {
        var (tile, row) = Tiling.Locate(pixel);
        var register = 4 * (pixel / Math.Max(1, 4 / Vectors) % AccumulatorTurns) + slot;
        Asm.vmovdqu64(Zmm(register), __zmmword_ptr[s_oldest + ((tile * Vectors + vector) * TileUnit.TileBytes + row * TileUnit.RowBytes)]);
        Spec.Arithmetic.Add(Asm, Zmm(register), __zmmword_ptr[s_panel + vector * ConvArithmetic.StartBytes]);
        return register;
    }

    /// <summary>The products of the present task, with the steps of an epilogue between them. May use rcx, rdx and r9 beside <see cref="Pixel"/> and <see cref="Temporary"/>; <see cref="Weights"/> must stay in the end.</summary>
    protected virtual void Products(Action[] epilogue)
    {
        var tiles = Tiling.Count;
        var chunks = Chunks;
        var (products, done, emitted) = (chunks * tiles * Vectors, 0, 0);
        // A window without taps: the sums are 0.
        for (var sum = 0; chunks == 0 && sum < tiles * Vectors; sum++) Restart(sum);
        for (var chunk = 0; chunk < chunks; chunk++)
        {
            var at = Offset(chunk);
            for (var tile = 0; tile < tiles; tile++)
                for (var vector = 0; vector < Vectors; vector++)
                {
                    // A single tile takes the two registers in turn, so that it is loaded while the other is used.
                    var left = FirstPixels + (tiles == 1 ? chunk : tile) % 2;
                    var right = FirstWeights + (Vectors == 1 ? chunk : vector) % 2;
                    if (vector == 0) Unit.Load(left, Pixel, s_pixelStride, Tiling.Offsets[tile] + at);
                    if (tile == 0) LoadWeights(right, (chunk * Vectors + vector) * TileUnit.TileBytes);
                    var sum = tile * Vectors + vector;
                    if (chunk == 0) Restart(sum);
                    Spec.Arithmetic.MultiplyAdd(Unit, sum, left, right);
                    done++;
                    while (emitted < (long)epilogue.Length * done / products) epilogue[emitted++]();
                }
        }
        while (emitted < epilogue.Length) epilogue[emitted++]();
    }

    /// <summary>Loads a tile of weights, this many bytes after <see cref="Weights"/>, and fetches those that follow at a distance.</summary>
    protected void LoadWeights(int register, int offset)
    {
        Unit.Load(register, Weights, Stride64, offset);
        if (Spec.FetchAhead == 0) return;
        for (var row = 0; row < TileUnit.Rows; row++) Asm.prefetcht0(__byte_ptr[Weights + (offset + Spec.FetchAhead + row * TileUnit.RowBytes)]);
    }

    /// <summary>Stores what an accumulator of the task before has come to, and begins at 0.</summary>
    protected void Restart(int sum)
    {
        Unit.Store(sum, s_newest, Stride64, sum * TileUnit.TileBytes);
        Unit.Zero(sum);
    }

    /// <summary>Bytes from the start of a window to a chunk.</summary>
    protected int Offset(int chunk)
    {
        var (run, inRun) = Math.DivRem(chunk, ChunksPerRun);
        var (row, column) = Math.DivRem(run, Spec.Reduction.Columns);
        return row * Spec.Reduction.RowBytes + column * Spec.Reduction.ColumnBytes + inRun * ChunkBytes;
    }
}
