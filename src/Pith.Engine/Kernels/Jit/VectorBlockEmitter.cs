using Iced.Intel;
using System.Runtime.InteropServices;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>
/// Base of the kernels without AMX, whatever the width of vectors: all pixels of a <see cref="PixelBlock"/> by all vectors of a panel are sums in registers, pixel by pixel, which begin with the channels' start values
/// and go to the epilogue from there. All blocks of a panel before the next panel; where blocks need work before their products, in passes: all panels over some blocks before the next blocks.
/// </summary>
internal abstract class VectorBlockEmitter(ConvKernelSpec spec) : KernelEmitter
{
    private const int LineBytes = 64;

    private static readonly AssemblerRegister64 s_output = r10, s_residual = r11, s_blockOutput = r14, s_blockResidual = r15;

    private readonly List<IBlockEpilogue> _epilogues = [];

    // What the stack keeps after the memory of a derived class: where the weights begin that are fetched, the blocks that are left, the arguments, the panels that are left, the stack on entry; and for
    // kernels with passes, the first block of the pass, the number of its blocks, and the blocks of this pass and those after it.
    private AssemblerMemoryOperand NextStart => Kept(0);

    private AssemblerMemoryOperand BlocksLeft => Kept(1);

    private AssemblerMemoryOperand Arguments => Kept(2);

    private AssemblerMemoryOperand PanelsLeft => Kept(3);

    private AssemblerMemoryOperand StackOnEntry => Kept(4);

    private AssemblerMemoryOperand PassStart => Kept(5);

    private AssemblerMemoryOperand BlocksOfPasses => Kept(7);

    private AssemblerMemoryOperand Kept(int index) => __qword_ptr[rsp + (StackBytes + index * 8)];

    /// <summary>The number of blocks of a pass.</summary>
    protected AssemblerMemoryOperand PassCount => Kept(6);

    /// <summary>Holds the address that blocks' inputs count from; a derived class may count from elsewhere.</summary>
    protected static AssemblerRegister64 Input => rbx;

    /// <summary>Holds the address of a block's offsets.</summary>
    protected static AssemblerRegister64 Blocks => rsi;

    /// <summary>Holds the address of the block's first window when products begin.</summary>
    protected static AssemblerRegister64 Pixel => r12;

    /// <summary>Holds the address of the panel's weights; must stay.</summary>
    protected static AssemblerRegister64 Weights => rdx;

    /// <summary>Holds the same when the products of a block begin, and may move.</summary>
    protected static AssemblerRegister64 Weight => r13;

    /// <summary>Holds the address of the panel's constants; must stay.</summary>
    protected static AssemblerRegister64 Panel => r8;

    /// <summary>Holds the address of the constants of all panels; must stay.</summary>
    protected static AssemblerRegister64 Shared => r9;

    /// <summary>Holds the address of what is to be fetched next, if the kernel does so.</summary>
    protected static AssemblerRegister64 Next => rcx;

    /// <summary>Free, and counts bands where there are several.</summary>
    protected static AssemblerRegister64 Row => rbp;

    /// <summary>Free.</summary>
    protected static AssemblerRegister64 Column => rax;

    /// <summary>Free.</summary>
    protected static AssemblerRegister64 Step => rdi;

    protected ConvKernelSpec Spec { get; } = spec;

    /// <summary>The block whose code is being emitted.</summary>
    protected PixelBlock Block { get; private set; } = spec.Block;

    protected int Pixels => Block.Pixels;

    /// <summary>Vectors of results for each pixel.</summary>
    protected abstract int Vectors { get; }

    /// <summary>Vectors of sums for each pixel.</summary>
    protected virtual int SumVectors => Vectors;

    /// <summary>Registers of sums, from 0 on; those after are free.</summary>
    protected int Accumulators => Pixels / Bands * SumVectors;

    /// <summary>Equal parts of a block, some rows each, that are finished one after the other.</summary>
    protected virtual int Bands => 1;

    /// <summary>Bytes from a panel's weights to those of the next.</summary>
    protected abstract int PanelWeightBytes { get; }

    /// <summary>Bytes from the input of a panel to that of the next.</summary>
    protected virtual int PanelInputBytes => 0;

    /// <summary>Blocks of a pass; 0 where all blocks of a call are one.</summary>
    protected virtual int PassBlocks => 0;

    /// <summary>The most blocks of the last pass, which takes what would be left over for a short one.</summary>
    protected virtual int LastPassBlocks => PassBlocks;

    /// <summary>Bytes of the stack that <see cref="Products"/> may use from rsp on, a multiple of 64; less than a page in all.</summary>
    protected virtual int StackBytes => 0;

    /// <summary>What is done once for the kernel. May overwrite rax and mask k4, which then is its own.</summary>
    protected virtual void OpenKernel()
    {
    }

    /// <summary>What comes before the panels of a pass, whose first block <see cref="Blocks"/> points to; the arguments are at rax, everything else is free.</summary>
    protected virtual void OpenPass()
    {
    }

    /// <summary>What comes before the blocks of a panel; the arguments are at rax.</summary>
    protected virtual void OpenPanel()
    {
    }

    /// <summary>What comes before a block: brings the address of its first window into <see cref="Pixel"/>.</summary>
    protected virtual void OpenBlock() => Address(Pixel, nameof(BlockOffsets.Input), Input);

    /// <summary>Brings start values into the sums.</summary>
    protected abstract void StartSums();

    /// <summary>Adds the products of the block, or of a band, to the sums. May use all free registers, and move <see cref="Pixel"/> and <see cref="Weight"/>.</summary>
    protected abstract void Products();

    /// <summary>The register of a pixel's vector when the products are done.</summary>
    protected virtual int SumOf(int pixel, int vector) => pixel * Vectors + vector;

    /// <summary>What turns the sums of a band into results.</summary>
    protected abstract IBlockEpilogue Epilogue(EpilogueRegisters registers, PixelBlock band);

    /// <summary>The vector registers that the epilogue may overwrite.</summary>
    protected abstract int[] FreeInEpilogue { get; }

    protected override void OutOfLine() => _epilogues.ForEach(epilogue => epilogue.OutOfLine());

    protected sealed override void Body()
    {
        Epilogue().LoadMask();
        OpenKernel();
        OpenFrame();
        var (pass, panel) = (Asm.CreateLabel(), Asm.CreateLabel());
        if (PassBlocks > 0)
        {
            Asm.Label(ref pass);
            CountPass();
            OpenPass();
        }
        LoadArguments();
        Asm.Label(ref panel);
        StartPanel();
        AllBlocks(Spec.Block, nameof(ConvKernelArgs.Blocks), nameof(ConvKernelArgs.BlockCount));
        if (Spec.RestRows > 0) AllBlocks(Spec.Block with { Rows = Spec.RestRows }, nameof(ConvKernelArgs.RestBlocks), nameof(ConvKernelArgs.RestCount));
        Asm.add(Weights, PanelWeightBytes);
        if (PanelInputBytes != 0) Asm.add(Input, PanelInputBytes);
        Asm.add(Panel, Spec.Arithmetic.PanelBytes(Spec.Panel.Vectors));
        Asm.add(s_output, Spec.OutputPanelBytes);
        Asm.add(s_residual, Spec.ResidualPanelBytes);
        Asm.dec(PanelsLeft);
        Asm.jne(panel);
        if (PassBlocks > 0)
        {
            Asm.mov(PassStart, Blocks);
            Asm.mov(rax, PassCount);
            Asm.sub(BlocksOfPasses, rax);
            Asm.jne(pass);
        }
        _epilogues[0].Close();
        Asm.mov(rsp, StackOnEntry);
    }

    /// <summary>Emits a loop over the blocks of a pass that writes them to scratch memory in another form: from <see cref="Pixel"/>, the block's first window, to <see cref="Weight"/>, one block after the other.</summary>
    protected void ToScratch(Action block)
    {
        Load<ConvKernelArgs>(rax, (Input, nameof(ConvKernelArgs.Input)), (Weight, nameof(ConvKernelArgs.Scratch)));
        Asm.mov(Next, PassCount);
        var top = Asm.CreateLabel();
        Asm.Label(ref top);
        Address(Pixel, nameof(BlockOffsets.Input), Input);
        block();
        Asm.add(Blocks, Marshal.SizeOf<BlockOffsets>());
        Asm.dec(Next);
        Asm.jne(top);
    }

    private IBlockEpilogue Epilogue() => Epilogue(new EpilogueRegisters(s_blockOutput, s_blockResidual, Panel, Shared, FreeInEpilogue), Block with { Rows = Block.Rows / Bands });

    private void Address(AssemblerRegister64 register, string offset, AssemblerRegister64 operand)
    {
        Asm.mov(register, Field<BlockOffsets>(Blocks, offset));
        Asm.add(register, operand);
    }

    private void OpenFrame()
    {
        Asm.mov(rbp, rsp);
        Asm.sub(rsp, StackBytes + LineBytes);
        Asm.and(rsp, -LineBytes);
        Asm.mov(StackOnEntry, rbp);
        Asm.mov(Arguments, Args);
        if (PassBlocks == 0) return;
        Load<ConvKernelArgs>(Args, (rax, nameof(ConvKernelArgs.Blocks)), (rbp, nameof(ConvKernelArgs.BlockCount)));
        Asm.mov(PassStart, rax);
        Asm.mov(BlocksOfPasses, rbp);
    }

    private void CountPass()
    {
        Asm.mov(Blocks, PassStart);
        Asm.mov(rbp, BlocksOfPasses);
        Asm.mov(rax, PassBlocks);
        Asm.cmp(rbp, LastPassBlocks);
        Asm.cmovg(rbp, rax);
        Asm.mov(PassCount, rbp);
        Asm.mov(rax, Arguments);
    }

    private void LoadArguments()
    {
        Asm.mov(rax, Arguments);
        Load<ConvKernelArgs>(rax, (Input, nameof(ConvKernelArgs.Input)), (s_output, nameof(ConvKernelArgs.Output)), (s_residual, nameof(ConvKernelArgs.Residual)), (rbp, nameof(ConvKernelArgs.PanelCount)));
        Load<ConvKernelArgs>(rax, (Weights, nameof(ConvKernelArgs.Weights)), (Panel, nameof(ConvKernelArgs.Panel)), (Shared, nameof(ConvKernelArgs.Shared)));
        Asm.mov(PanelsLeft, rbp);
    }

    private void StartPanel()
    {
        Asm.mov(rax, Arguments);
        if (Spec.FetchSteps > 0)
        {
            Asm.lea(Next, __byte_ptr[Weights + PanelWeightBytes]);
            Asm.cmp(PanelsLeft, 1);
            Asm.cmove(Next, Field<ConvKernelArgs>(rax, nameof(ConvKernelArgs.NextWeights)));
            Asm.mov(NextStart, Next);
        }
        OpenPanel();
    }

    // All blocks of one kind, or of a pass.
    private void AllBlocks(PixelBlock pattern, string blocks, string count)
    {
        Block = pattern;
        _epilogues.Add(Epilogue());
        var (block, end) = (Asm.CreateLabel(), Asm.CreateLabel());
        Asm.mov(rax, Arguments);
        Asm.mov(Blocks, PassBlocks > 0 ? PassStart : Field<ConvKernelArgs>(rax, blocks));
        Asm.mov(rbp, PassBlocks > 0 ? PassCount : Field<ConvKernelArgs>(rax, count));
        Asm.mov(BlocksLeft, rbp);
        if (Spec.RestRows > 0)
        {
            Asm.test(rbp, rbp);
            Asm.je(end);
        }
        Asm.Label(ref block);
        StartBlock();
        WindowLoop.Repeat(Asm, Row, Bands, () =>
        {
            StartSums();
            Products();
            foreach (var step in _epilogues[^1].Steps(Pixels / Bands, (pixel, vector, _) => SumOf(pixel, vector))) step();
            if (Bands == 1) return;
            Asm.add(s_blockOutput, Block.Rows / Bands * Block.OutputRow);
            Asm.add(s_blockResidual, Block.Rows / Bands * Block.ResidualRow);
        });
        Asm.add(Blocks, Marshal.SizeOf<BlockOffsets>());
        Asm.dec(BlocksLeft);
        Asm.jne(block);
        if (Spec.RestRows > 0) Asm.Label(ref end);
    }

    private void StartBlock()
    {
        if (Spec.FetchSteps > 0)
        {
            // More blocks than the fetches were spread over: again from the start, which is there now and costs nothing.
            Asm.mov(rax, Next);
            Asm.sub(rax, NextStart);
            Asm.cmp(rax, PanelWeightBytes);
            Asm.cmovae(Next, NextStart);
        }
        OpenBlock();
        Address(s_blockOutput, nameof(BlockOffsets.Output), s_output);
        Address(s_blockResidual, nameof(BlockOffsets.Residual), s_residual);
        Asm.mov(Weight, Weights);
        if (Spec.Arithmetic.FetchesResidual) Fetch(s_blockResidual, Block.Residual, Spec.Arithmetic.ResidualBytes);
        if (Spec.Arithmetic.FetchesOutput) Fetch(s_blockOutput, Block.Output, Spec.Arithmetic.OutputBytes);
    }

    private void Fetch(AssemblerRegister64 operand, Func<int, int> offset, int elementBytes)
    {
        for (var p = 0; p < Pixels; p++)
            for (var v = 0; v < Vectors; v++) Asm.prefetcht1(__byte_ptr[operand + (offset(p) + v * PanelShape.Lanes * elementBytes)]);
    }
}
