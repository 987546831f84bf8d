using Iced.Intel;
using System.Runtime.InteropServices;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>
/// Base of the AVX-512 kernels: all pixels of a tile by all vectors of a panel are sums in registers, pixel by pixel, which begin with the channels' start values and go to the epilogue from
/// there. All tiles of a panel before the next panel.
/// </summary>
internal abstract class VectorTileEmitter(ConvKernelSpec spec) : KernelEmitter
{
    /// <summary>Vector registers.</summary>
    protected const int Registers = 32;

    /// <summary>Bytes of a vector.</summary>
    protected const int VectorBytes = 64;

    private const int LineBytes = 64;

    private static readonly AssemblerRegister64 s_input = rbx, s_tiles = rsi, s_panel = r8, s_output = r10, s_residual = r11, s_tileOutput = r14, s_tileResidual = r15;
    private readonly List<ITileEpilogue> _epilogues = [];

    // What the stack keeps behind the memory of a derived class: where the weights begin that are fetched, the tiles that are left, the arguments, the panels that are left, and the stack on entry.
    private AssemblerMemoryOperand NextStart => Kept(0);

    private AssemblerMemoryOperand TilesLeft => Kept(1);

    private AssemblerMemoryOperand Arguments => Kept(2);

    private AssemblerMemoryOperand PanelsLeft => Kept(3);

    private AssemblerMemoryOperand StackOnEntry => Kept(4);

    private AssemblerMemoryOperand Kept(int index) => __qword_ptr[rsp + (StackBytes + index * 8)];

    /// <summary>Holds the address of the tile's first window when products begin.</summary>
    protected static AssemblerRegister64 Pixel => r12;

    /// <summary>Holds the address of the panel's weights; must stay.</summary>
    protected static AssemblerRegister64 Weights => rdx;

    /// <summary>Holds the address of the constants of all panels; must stay.</summary>
    protected static AssemblerRegister64 Shared => r9;

    /// <summary>Holds the address of what is to be fetched next, if the kernel does so.</summary>
    protected static AssemblerRegister64 Next => rcx;

    protected ConvKernelSpec Spec { get; } = spec;

    /// <summary>The tile whose code is being emitted.</summary>
    protected TilePattern Tile { get; private set; } = spec.Tile;

    protected int Pixels => Tile.Pixels;

    protected int Vectors => Spec.Panel.Vectors;

    /// <summary>Registers of sums, from 0 on; those behind are free.</summary>
    protected int Accumulators => Pixels * SumVectors;

    /// <summary>Vectors of sums for each pixel.</summary>
    protected virtual int SumVectors => Vectors;

    /// <summary>Whether sums begin at 0 instead of at the start values.</summary>
    protected virtual bool SumsBeginAtZero => false;

    /// <summary>The start values of a vector of results.</summary>
    protected static AssemblerMemoryOperand StartOf(int vector) => __zmmword_ptr[s_panel + vector * ConvArithmetic.StartBytes];

    /// <summary>Bytes from a panel's weights to those of the next.</summary>
    protected abstract int PanelWeightBytes { get; }

    /// <summary>Bytes from the input of a panel to that of the next.</summary>
    protected virtual int PanelInputBytes => 0;

    /// <summary>What is done once for the kernel. May overwrite rax and mask k4, which then is its own.</summary>
    protected virtual void OpenKernel()
    {
    }

    /// <summary>Adds the tile's products to the sums. May use rax, rbp, rdi and r13 beside <see cref="Pixel"/>.</summary>
    protected abstract void Products();

    /// <summary>Bytes of the stack that <see cref="Products"/> may use from rsp on, a multiple of 64; less than a page in all.</summary>
    protected virtual int StackBytes => 0;

    /// <summary>The register of a pixel's vector when the products are done.</summary>
    protected virtual int SumOf(int pixel, int vector) => pixel * Vectors + vector;

    protected override void OutOfLine() => _epilogues.ForEach(epilogue => epilogue.OutOfLine());

    protected override void Body()
    {
        Epilogue().LoadMask();
        OpenKernel();
        Load<ConvKernelArgs>(Args, (s_input, nameof(ConvKernelArgs.Input)), (s_output, nameof(ConvKernelArgs.Output)), (s_residual, nameof(ConvKernelArgs.Residual)));
        Load<ConvKernelArgs>(Args, (Weights, nameof(ConvKernelArgs.Weights)), (s_panel, nameof(ConvKernelArgs.Panel)), (Shared, nameof(ConvKernelArgs.Shared)), (rax, nameof(ConvKernelArgs.PanelCount)));
        Asm.mov(rbp, rsp);
        Asm.sub(rsp, StackBytes + LineBytes);
        Asm.and(rsp, -LineBytes);
        Asm.mov(StackOnEntry, rbp);
        Asm.mov(PanelsLeft, rax);
        Asm.mov(Arguments, Args);
        var panel = Asm.CreateLabel();
        Asm.Label(ref panel);
        OpenPanel();
        Tiles(Spec.Tile, nameof(ConvKernelArgs.Tiles), nameof(ConvKernelArgs.TileCount));
        if (Spec.RestRows > 0) Tiles(Spec.Tile with { Rows = Spec.RestRows }, nameof(ConvKernelArgs.RestTiles), nameof(ConvKernelArgs.RestCount));
        Asm.add(Weights, PanelWeightBytes);
        if (PanelInputBytes != 0) Asm.add(s_input, PanelInputBytes);
        Asm.add(s_panel, Spec.Arithmetic.PanelBytes(Vectors));
        Asm.add(s_output, Spec.OutputPanelBytes);
        Asm.add(s_residual, Spec.ResidualPanelBytes);
        Asm.dec(PanelsLeft);
        Asm.jne(panel);
        _epilogues[0].Close();
        Asm.mov(rsp, StackOnEntry);
    }

    private ITileEpilogue Epilogue() => Spec.Arithmetic.Epilogue(Asm, Spec.Panel, new EpilogueRegisters(s_tileOutput, s_tileResidual, s_panel, Shared, Enumerable.Range(Accumulators, Registers - Accumulators).ToArray()), Tile);

    // All tiles of one kind.
    private void Tiles(TilePattern pattern, string tiles, string count)
    {
        Tile = pattern;
        _epilogues.Add(Epilogue());
        var (tile, end) = (Asm.CreateLabel(), Asm.CreateLabel());
        Asm.mov(rax, Arguments);
        Load<ConvKernelArgs>(rax, (s_tiles, tiles), (rbp, count));
        Asm.mov(TilesLeft, rbp);
        if (Spec.RestRows > 0)
        {
            Asm.test(rbp, rbp);
            Asm.je(end);
        }
        Asm.Label(ref tile);
        OpenTile();
        Products();
        foreach (var step in _epilogues[^1].Steps(Pixels, (pixel, vector, _) => SumOf(pixel, vector))) step();
        Asm.add(s_tiles, Marshal.SizeOf<TileOffsets>());
        Asm.dec(TilesLeft);
        Asm.jne(tile);
        if (Spec.RestRows > 0) Asm.Label(ref end);
    }

    private void OpenPanel()
    {
        if (Spec.FetchSteps == 0) return;
        Asm.mov(rax, Arguments);
        Asm.lea(Next, __byte_ptr[Weights + PanelWeightBytes]);
        Asm.cmp(PanelsLeft, 1);
        Asm.cmove(Next, Field<ConvKernelArgs>(rax, nameof(ConvKernelArgs.NextWeights)));
        Asm.mov(NextStart, Next);
    }

    private void OpenTile()
    {
        if (Spec.FetchSteps > 0)
        {
            // More tiles than the fetches were spread over: again from the start, which is there now and costs nothing.
            Asm.mov(rax, Next);
            Asm.sub(rax, NextStart);
            Asm.cmp(rax, PanelWeightBytes);
            Asm.cmovae(Next, NextStart);
        }
        (AssemblerRegister64 Register, AssemblerRegister64 Operand, string Offset)[] operands =
            [(Pixel, s_input, nameof(TileOffsets.Input)), (s_tileOutput, s_output, nameof(TileOffsets.Output)), (s_tileResidual, s_residual, nameof(TileOffsets.Residual))];
        foreach (var (register, operand, offset) in operands)
        {
            Asm.mov(register, Field<TileOffsets>(s_tiles, offset));
            Asm.add(register, operand);
        }
        if (Spec.Arithmetic.FetchesResidual) Fetch(s_tileResidual, Tile.Residual, Spec.Arithmetic.ResidualBytes);
        if (Spec.Arithmetic.FetchesOutput) Fetch(s_tileOutput, Tile.Output, Spec.Arithmetic.OutputBytes);
        for (var i = 0; i < Accumulators; i++)
        {
            if (SumsBeginAtZero) Asm.vpxord(Zmm(i), Zmm(i), Zmm(i));
            else if (i < Vectors) Asm.vmovdqu64(Zmm(i), StartOf(i));
            else Asm.vmovdqa64(Zmm(i), Zmm(i % Vectors));
        }
    }

    private void Fetch(AssemblerRegister64 operand, Func<int, int> offset, int elementBytes)
    {
        for (var p = 0; p < Pixels; p++)
            for (var v = 0; v < Vectors; v++) Asm.prefetcht1(__byte_ptr[operand + (offset(p) + v * PanelShape.Lanes * elementBytes)]);
    }
}
