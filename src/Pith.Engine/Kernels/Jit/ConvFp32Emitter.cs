using Iced.Intel;
using System.Runtime.InteropServices;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>Everything that the code of a float convolution kernel depends on.</summary>
/// <param name="Panel">The output channels, in natural order.</param>
/// <param name="Tile">The output pixels; distances in bytes of floats.</param>
/// <param name="RestRows">Rows of the tiles at the lower edge of images; 0 where there are none.</param>
/// <param name="Reduction">What an output sums over, in bytes of floats.</param>
/// <param name="Epilogue">What follows.</param>
/// <param name="FetchingTiles">How many tiles are expected to meet a panel before the next panel: so many share the work of fetching that. 0 where panels come fast enough.</param>
internal sealed record ConvFp32Spec(PanelShape Panel, TilePattern Tile, int RestRows, ReductionShape Reduction, EpilogueFp32Spec Epilogue, int FetchingTiles)
{
    /// <summary>What profiles call the kernel.</summary>
    public string Name => $"conv_f32f32f32_{Tile.Pixels}x{Panel.Channels}c1_avx512";
}

/// <summary>
/// Kernel <c>conv_f32_PxV16_avx512</c>: P pixels by V vectors of 16 output channels stay in registers while one input channel of each pixel at a time is broadcast and multiplied with the
/// panel's weights. Each output is one chain of fused multiply-adds over the window, starting at the bias, whatever the tile. Weights are packed as [runs][RunBytes / 4][V][16], the biases of a
/// panel as [V][16].
/// </summary>
internal sealed class ConvFp32Emitter(ConvFp32Spec spec) : KernelEmitter
{
    private const int Registers = 32, VectorBytes = PanelShape.Lanes * sizeof(float);

    // So many multiply instructions in a loop's body make its counting invisible; more only fill the instruction cache.
    private const int BodyInstructions = 240;

    private static readonly AssemblerRegister64 s_input = rbx, s_weights = rdx, s_tiles = rsi, s_tileCount = rcx, s_panel = r8, s_shared = r9, s_output = r10, s_residual = r11;
    private static readonly AssemblerRegister64 s_pixel = r12, s_weight = r13, s_ahead = r14, s_aheadEnd = r15, s_row = rbp, s_column = rax, s_step = rdi;

    // After the sums.
    private static readonly AssemblerRegister64 s_tileOutput = s_pixel, s_tileResidual = s_row;

    // The tile whose code is being emitted.
    private TilePattern _tile = spec.Tile;

    private int Pixels => _tile.Pixels;

    private int Vectors => spec.Panel.Vectors;

    private int PanelWeightBytes => spec.Reduction.Runs * spec.Reduction.RunBytes * spec.Panel.Capacity;

    /// <summary>The most pixels of a tile with so many vectors of channels: besides the sums, registers hold weights and two pixels; a single vector is multiplied with pixels in memory.</summary>
    public static int LargestTile(int vectors, EpilogueFp32Spec epilogue) => (Registers - Math.Max(vectors == 1 ? 2 : vectors + 2, epilogue.Temporaries)) / vectors;

    /// <summary>Bytes of one panel's biases.</summary>
    public static int PanelBytes(int vectors) => vectors * VectorBytes;

    protected override void Body()
    {
        var epilogue = new EpilogueFp32Emitter(Asm, spec.Epilogue, spec.Panel, s_tileOutput, s_tileResidual, s_shared);
        Load<Fp32KernelArgs>(Args, (s_input, nameof(Fp32KernelArgs.Input)), (s_output, nameof(Fp32KernelArgs.Output)), (s_residual, nameof(Fp32KernelArgs.Residual)));
        Load<Fp32KernelArgs>(Args, (s_weights, nameof(Fp32KernelArgs.Weights)), (s_panel, nameof(Fp32KernelArgs.Biases)), (s_shared, nameof(Fp32KernelArgs.Constants)));
        epilogue.LoadMask();
        // Where the tiles and panels are counted: the stack keeps the arguments and the panels that are left.
        Asm.mov(rax, Argument(Args, nameof(Fp32KernelArgs.PanelCount)));
        Asm.push(rax);
        Asm.push(Args);
        var panel = Asm.CreateLabel();
        Asm.Label(ref panel);
        Asm.mov(s_ahead, s_weights);
        Asm.add(s_ahead, PanelWeightBytes);
        Asm.mov(s_aheadEnd, s_ahead);
        Asm.add(s_aheadEnd, PanelWeightBytes);
        Tiles(spec.Tile, nameof(Fp32KernelArgs.Tiles), nameof(Fp32KernelArgs.TileCount), epilogue);
        if (spec.RestRows > 0) Tiles(spec.Tile with { Rows = spec.RestRows }, nameof(Fp32KernelArgs.RestTiles), nameof(Fp32KernelArgs.RestCount), epilogue);
        // Every tile leaves the weights' address behind the panel.
        Asm.mov(s_weights, s_weight);
        Asm.add(s_panel, PanelBytes(Vectors));
        Asm.add(s_output, spec.Panel.Capacity * sizeof(float));
        Asm.add(s_residual, spec.Panel.Capacity * sizeof(float));
        Asm.dec(__qword_ptr[rsp + 8]);
        Asm.jne(panel);
        Asm.add(rsp, 16);
        if (spec.Epilogue.Streams) Asm.sfence();
    }

    // All tiles of one kind.
    private void Tiles(TilePattern pattern, string tiles, string count, EpilogueFp32Emitter epilogue)
    {
        _tile = pattern;
        var (tile, end) = (Asm.CreateLabel(), Asm.CreateLabel());
        Asm.mov(rax, __qword_ptr[rsp]);
        Load<Fp32KernelArgs>(rax, (s_tiles, tiles), (s_tileCount, count));
        Asm.test(s_tileCount, s_tileCount);
        Asm.je(end);
        Asm.Label(ref tile);
        OpenTile();
        Runs();
        Open(s_tileOutput, s_output, nameof(TileOffsets.Output));
        if (spec.Epilogue.HasResidual) Open(s_tileResidual, s_residual, nameof(TileOffsets.Residual));
        var free = Enumerable.Range(Pixels * Vectors, Registers - Pixels * Vectors).ToArray();
        for (var p = 0; p < Pixels; p++)
            for (var v = 0; v < Vectors; v++) epilogue.Finish(p * Vectors + v, v, _tile.Output(p), _tile.Residual(p), free);
        Asm.add(s_tiles, Marshal.SizeOf<TileOffsets>());
        Asm.dec(s_tileCount);
        Asm.jne(tile);
        Asm.Label(ref end);
    }

    private static AssemblerMemoryOperand Argument(AssemblerRegister64 args, string field) => Field<Fp32KernelArgs>(args, field);

    private void Open(AssemblerRegister64 register, AssemblerRegister64 operand, string offset)
    {
        Asm.mov(register, Field<TileOffsets>(s_tiles, offset));
        Asm.add(register, operand);
    }

    private void OpenTile()
    {
        FetchOperands();
        Open(s_pixel, s_input, nameof(TileOffsets.Input));
        Asm.mov(s_weight, s_weights);
        for (var i = 0; i < Pixels * Vectors; i++)
        {
            if (i < Vectors) Asm.vmovups(Zmm(i), __zmmword_ptr[s_panel + i * VectorBytes]);
            else Asm.vmovaps(Zmm(i), Zmm(i % Vectors));
        }
    }

    // What the epilogue will read and write comes from memory or the last-level cache while the sums are made.
    private void FetchOperands()
    {
        if (spec.Epilogue.HasResidual)
        {
            Open(s_tileResidual, s_residual, nameof(TileOffsets.Residual));
            for (var p = 0; p < Pixels; p++)
                for (var v = 0; v < Vectors; v++) Asm.prefetcht1(__byte_ptr[s_tileResidual + (_tile.Residual(p) + v * VectorBytes)]);
        }
        if (spec.Epilogue.Streams) return;
        Open(s_tileOutput, s_output, nameof(TileOffsets.Output));
        for (var p = 0; p < Pixels; p++)
            for (var v = 0; v < Vectors; v++) Asm.prefetcht1(__byte_ptr[s_tileOutput + (_tile.Output(p) + v * VectorBytes)]);
    }

    private void Runs() => new WindowLoop(
        Asm, spec.Reduction, new WindowRegisters(s_pixel, s_weight, s_row, s_column, s_step), sizeof(float), Vectors * VectorBytes, Math.Max(1, BodyInstructions / (Pixels * Vectors)), count =>
        {
            Steps(count);
            FetchAhead(count * Vectors);
        }).Emit();

    // Every tile fetches a part of the next panel's weights into the second-level cache: with many input channels they come from memory, which should not wait for the last tile, nor come all at once.
    private void FetchAhead(int vectors)
    {
        if (spec.FetchingTiles == 0) return;
        var lines = EvenParts.Count(vectors, spec.FetchingTiles);
        for (var i = 0; i < lines; i++) Asm.prefetcht1(__byte_ptr[s_ahead + i * VectorBytes]);
        Asm.add(s_ahead, lines * VectorBytes);
        Asm.cmp(s_ahead, s_aheadEnd);
        Asm.cmova(s_ahead, s_aheadEnd);
    }

    private void Steps(int count)
    {
        for (var step = 0; step < count; step++)
        {
            if (Vectors == 1) StepOfOneVector(step);
            else Step(step);
        }
    }

    // With one vector every product takes its pixel from memory.
    private void StepOfOneVector(int step)
    {
        var weights = Zmm(Pixels + step % Math.Min(4, Registers - Pixels));
        Asm.vmovups(weights, Weight(step, 0));
        for (var p = 0; p < Pixels; p++) Asm.vfmadd231ps(Zmm(p), weights, __dword_bcst[s_pixel + PixelOffset(p, step)]);
    }

    private void Step(int step)
    {
        var sums = Pixels * Vectors;
        // With few pixels it costs nothing to read weights once for each.
        var keepsWeights = Pixels > 2;
        var firstPixel = sums + (keepsWeights ? Vectors : 0);
        if (keepsWeights)
            for (var v = 0; v < Vectors; v++) Asm.vmovups(Zmm(sums + v), Weight(step, v));
        for (var p = 0; p < Pixels; p++)
        {
            var pixel = Zmm(firstPixel + (step * Pixels + p) % (Registers - firstPixel));
            Asm.vbroadcastss(pixel, __dword_ptr[s_pixel + PixelOffset(p, step)]);
            for (var v = 0; v < Vectors; v++)
            {
                if (keepsWeights) Asm.vfmadd231ps(Zmm(p * Vectors + v), pixel, Zmm(sums + v));
                else Asm.vfmadd231ps(Zmm(p * Vectors + v), pixel, Weight(step, v));
            }
        }
    }

    private int PixelOffset(int pixel, int step) => _tile.Input(pixel) + step * sizeof(float);

    private AssemblerMemoryOperand Weight(int step, int vector) => __zmmword_ptr[s_weight + (step * Vectors + vector) * VectorBytes];
}
