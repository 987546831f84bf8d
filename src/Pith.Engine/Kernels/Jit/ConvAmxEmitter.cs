using Iced.Intel;
using System.Runtime.InteropServices;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>
/// Kernels <c>conv_u8s8s32_MTxNT_amx</c> and <c>conv_bf16f32_MTxNT_amx</c>: up to four accumulator tiles (2 x 2, 4 x 1 or 1 x 4 of pixels by 16 channels) with TDPBUSD or TDPBF16PS, 64 bytes of the reduction at a time, reading the image where it
/// lies. The epilogue of the task before the last runs between the products of the present one, and accumulators are stored just before they are zeroed, when their last product has long finished.
/// A task is one tile pattern on one panel. The thread's tiles are configured as <see cref="TileRows"/> says. Weights are packed as [runs][chunks of 64 bytes][V][16 rows][16 channels][4].
/// </summary>
/// <remarks>
/// The first two tasks have no predecessors: their epilogues run on whatever is in the scratch memory and write to the first task's pixels, which are written again, correctly, two tasks later.
/// </remarks>
internal sealed class ConvAmxEmitter : KernelEmitter
{
    /// <summary>Bytes of the reduction that one product takes.</summary>
    public const int ChunkBytes = 64;

    /// <summary>Most accumulator tiles.</summary>
    public const int Accumulators = 4;

    /// <summary>Scratch memory of a thread: the accumulators of two tasks.</summary>
    public const int ScratchBytes = 2 * Accumulators * TileUnit.TileBytes;

    // Tile registers: accumulators first, then two for pixels and two for weights.
    private const int FirstPixels = Accumulators, FirstWeights = FirstPixels + 2;

    private const int VectorRegisters = 32;

    // A stack frame with the addresses of three tasks, the newest last, each output, residual and panel; then counters.
    private const int TaskBytes = 24, Oldest = 0, Previous = TaskBytes, Current = 2 * TaskBytes, PanelsLeft = 3 * TaskBytes, Arguments = PanelsLeft + 8, FrameBytes = Arguments + 8;

    private static readonly AssemblerRegister64 s_input = rdx, s_pixel = r14, s_weights = rbx, s_stride64 = rax, s_pixelStride = r9, s_tiles = rsi, s_tileCount = rcx, s_temporary = rbp;
    private static readonly AssemblerRegister64 s_newest = r12, s_oldest = r13, s_output = r10, s_residual = r15, s_panel = r11, s_shared = r8;

    private readonly ConvKernelSpec _spec;
    private readonly AmxTiling _tiling;
    private readonly TileUnit _unit;
    private ITileEpilogue? _epilogue;

    public ConvAmxEmitter(ConvKernelSpec spec, Func<Assembler, TileUnit> unit)
    {
        _spec = spec;
        _tiling = new AmxTiling(spec.Tile);
        _unit = unit(Asm);
        _unit.FrameOffset = FrameBytes;
    }

    private int Vectors => _spec.Panel.Vectors;

    private int ChunksPerRun => (_spec.Reduction.RunBytes + ChunkBytes - 1) / ChunkBytes;

    /// <summary>Rows of all tile registers: accumulators and pixels have as many as a tile has pixels, weights all 16.</summary>
    public static int[] TileRows(ConvKernelSpec spec)
    {
        var tiling = new AmxTiling(spec.Tile);
        var rows = new int[TileUnit.Count];
        Array.Fill(rows, tiling.Rows);
        rows.AsSpan(FirstWeights).Fill(TileUnit.Rows);
        return rows;
    }

    protected override void OutOfLine() => _epilogue!.OutOfLine();

    protected override void Body()
    {
        // Accumulators come in register slots of four in turn; the last registers are the epilogue's.
        _epilogue = _spec.Arithmetic.Epilogue(Asm, _spec.Panel, new EpilogueRegisters(s_output, s_residual, s_panel, s_shared, Enumerable.Range(0, VectorRegisters).ToArray()), _spec.Tile);
        Asm.sub(rsp, FrameBytes + _unit.FrameBytes);
        Asm.mov(__qword_ptr[rsp + Arguments], Args);
        _epilogue.LoadMask();
        _unit.Expect(TileRows(_spec));
        Asm.mov(s_input, Argument(nameof(ConvKernelArgs.Input)));
        Asm.mov(s_weights, Argument(nameof(ConvKernelArgs.Weights)));
        Asm.mov(s_shared, Argument(nameof(ConvKernelArgs.Shared)));
        Asm.mov(s_newest, Argument(nameof(ConvKernelArgs.Scratch)));
        Asm.lea(s_oldest, __[s_newest + Accumulators * TileUnit.TileBytes]);
        Asm.mov(s_stride64, TileUnit.RowBytes);
        Asm.mov(s_pixelStride, _spec.Tile.InputColumn);
        OpenFirstTask();

        var (panel, task) = (Asm.CreateLabel(), Asm.CreateLabel());
        Asm.Label(ref panel);
        Asm.mov(s_tiles, Argument(nameof(ConvKernelArgs.Tiles)));
        Asm.mov(s_tileCount, Argument(nameof(ConvKernelArgs.TileCount)));
        Asm.Label(ref task);
        OpenTask();
        Products([.. _epilogue.Steps(_spec.Tile.Pixels, LoadAccumulator)]);
        CloseTask();
        Asm.add(s_tiles, Marshal.SizeOf<TileOffsets>());
        Asm.dec(s_tileCount);
        Asm.jne(task);
        Asm.add(s_weights, _spec.Reduction.Runs * ChunksPerRun * Vectors * TileUnit.TileBytes);
        // The arguments are the kernel's to change.
        Advance(nameof(ConvKernelArgs.Output), _spec.OutputPanelBytes);
        Advance(nameof(ConvKernelArgs.Residual), _spec.ResidualPanelBytes);
        Advance(nameof(ConvKernelArgs.Panel), _spec.Arithmetic.PanelBytes(Vectors));
        Asm.dec(__qword_ptr[rsp + PanelsLeft]);
        Asm.jne(panel);

        // What is left: the last two tasks' epilogues.
        for (var tile = 0; tile < _tiling.Count * Vectors; tile++) _unit.Store(tile, s_newest, s_stride64, tile * TileUnit.TileBytes);
        Asm.mov(s_tileCount, 2);
        var rest = Asm.CreateLabel();
        Asm.Label(ref rest);
        LoadOldest();
        foreach (var step in _epilogue.Steps(_spec.Tile.Pixels, LoadAccumulator)) step();
        CloseTask();
        Asm.dec(s_tileCount);
        Asm.jne(rest);
        Asm.add(rsp, FrameBytes + _unit.FrameBytes);
    }

    private AssemblerMemoryOperand Argument(string field)
    {
        Asm.mov(s_temporary, __qword_ptr[rsp + Arguments]);
        return Field<ConvKernelArgs>(s_temporary, field);
    }

    private void Advance(string field, int bytes) => Asm.add(Argument(field), bytes);

    // Tasks before the first are the first.
    private void OpenFirstTask()
    {
        Asm.mov(s_pixel, Argument(nameof(ConvKernelArgs.PanelCount)));
        Asm.mov(__qword_ptr[rsp + PanelsLeft], s_pixel);
        Asm.mov(s_tiles, Argument(nameof(ConvKernelArgs.Tiles)));
        SetCurrent();
        foreach (var task in (int[])[Oldest, Previous])
            for (var i = 0; i < TaskBytes; i += 8)
            {
                Asm.mov(s_temporary, __qword_ptr[rsp + Current + i]);
                Asm.mov(__qword_ptr[rsp + task + i], s_temporary);
            }
    }

    // Addresses of the task that s_tiles points to.
    private void SetCurrent()
    {
        (string Field, string Offset)[] operands = [(nameof(ConvKernelArgs.Output), nameof(TileOffsets.Output)), (nameof(ConvKernelArgs.Residual), nameof(TileOffsets.Residual))];
        foreach (var (field, offset) in operands)
        {
            Asm.mov(s_pixel, Argument(field));
            Asm.add(s_pixel, Field<TileOffsets>(s_tiles, offset));
            Asm.mov(__qword_ptr[rsp + Current + (field == nameof(ConvKernelArgs.Output) ? 0 : 8)], s_pixel);
        }
        Asm.mov(s_pixel, Argument(nameof(ConvKernelArgs.Panel)));
        Asm.mov(__qword_ptr[rsp + Current + 16], s_pixel);
    }

    private void OpenTask()
    {
        SetCurrent();
        Asm.mov(s_pixel, s_input);
        Asm.add(s_pixel, Field<TileOffsets>(s_tiles, nameof(TileOffsets.Input)));
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
            Asm.mov(s_temporary, __qword_ptr[rsp + Previous + i]);
            Asm.mov(__qword_ptr[rsp + Oldest + i], s_temporary);
        }
    }

    // Accumulator plus start value, in one of the registers that take turns.
    private int LoadAccumulator(int pixel, int vector, int slot)
    {
        const int turns = 5;
        var (tile, row) = _tiling.Locate(pixel);
        var register = 4 * (pixel / Math.Max(1, 4 / Vectors) % turns) + slot;
        Asm.vmovdqu64(Zmm(register), __zmmword_ptr[s_oldest + ((tile * Vectors + vector) * TileUnit.TileBytes + row * TileUnit.RowBytes)]);
        _spec.Arithmetic.Add(Asm, Zmm(register), __zmmword_ptr[s_panel + vector * ConvArithmetic.StartBytes]);
        return register;
    }

    private void Products(Action[] epilogue)
    {
        var tiles = _tiling.Count;
        var chunks = _spec.Reduction.Runs * ChunksPerRun;
        var (products, done, emitted) = (chunks * tiles * Vectors, 0, 0);
        for (var chunk = 0; chunk < chunks; chunk++)
        {
            var at = Offset(chunk);
            for (var tile = 0; tile < tiles; tile++)
                for (var vector = 0; vector < Vectors; vector++)
                {
                    // A single tile takes the two registers in turn, so that it is loaded while the other is used.
                    var left = FirstPixels + (tiles == 1 ? chunk : tile) % 2;
                    var right = FirstWeights + (Vectors == 1 ? chunk : vector) % 2;
                    if (vector == 0) _unit.Load(left, s_pixel, s_pixelStride, _tiling.Offsets[tile] + at);
                    if (tile == 0) _unit.Load(right, s_weights, s_stride64, (chunk * Vectors + vector) * TileUnit.TileBytes);
                    var sum = tile * Vectors + vector;
                    if (chunk == 0)
                    {
                        _unit.Store(sum, s_newest, s_stride64, sum * TileUnit.TileBytes);
                        _unit.Zero(sum);
                    }
                    _spec.Arithmetic.MultiplyAdd(_unit, sum, left, right);
                    done++;
                    while (emitted < (long)epilogue.Length * done / products) epilogue[emitted++]();
                }
        }
    }

    // Bytes from the start of a window to a chunk.
    private int Offset(int chunk)
    {
        var (run, inRun) = Math.DivRem(chunk, ChunksPerRun);
        var (row, column) = Math.DivRem(run, _spec.Reduction.Columns);
        return row * _spec.Reduction.RowBytes + column * _spec.Reduction.ColumnBytes + inRun * ChunkBytes;
    }
}
