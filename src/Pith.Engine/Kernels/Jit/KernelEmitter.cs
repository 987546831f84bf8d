using System.Runtime.InteropServices;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Pith.Kernels.Jit;

/// <summary>
/// Base of everything that writes x64 machine code. A kernel is a function <c>void (Args*)</c> in the platform's calling convention; inside, the pointer is in <see cref="Args"/>, and all
/// general registers but the stack pointer and all vector registers are free.
/// </summary>
internal abstract class KernelEmitter
{
    private static readonly AssemblerRegisterZMM[] s_zmm =
    [
        zmm0, zmm1, zmm2, zmm3, zmm4, zmm5, zmm6, zmm7, zmm8, zmm9, zmm10, zmm11, zmm12, zmm13, zmm14, zmm15,
        zmm16, zmm17, zmm18, zmm19, zmm20, zmm21, zmm22, zmm23, zmm24, zmm25, zmm26, zmm27, zmm28, zmm29, zmm30, zmm31,
    ];

    private static readonly AssemblerRegisterYMM[] s_ymm =
    [
        ymm0, ymm1, ymm2, ymm3, ymm4, ymm5, ymm6, ymm7, ymm8, ymm9, ymm10, ymm11, ymm12, ymm13, ymm14, ymm15,
        ymm16, ymm17, ymm18, ymm19, ymm20, ymm21, ymm22, ymm23, ymm24, ymm25, ymm26, ymm27, ymm28, ymm29, ymm30, ymm31,
    ];

    private static readonly AssemblerRegisterXMM[] s_xmm =
    [
        xmm0, xmm1, xmm2, xmm3, xmm4, xmm5, xmm6, xmm7, xmm8, xmm9, xmm10, xmm11, xmm12, xmm13, xmm14, xmm15,
        xmm16, xmm17, xmm18, xmm19, xmm20, xmm21, xmm22, xmm23, xmm24, xmm25, xmm26, xmm27, xmm28, xmm29, xmm30, xmm31,
    ];

    private static readonly AssemblerRegister64[] s_saved = [rbx, rbp, r12, r13, r14, r15];

    // Windows also keeps xmm6 to xmm15, rdi and rsi for the caller.
    private const int FirstSavedXmm = 6, SavedXmms = 10;

    [ThreadStatic]
    private static Assembler? t_spare;

    /// <summary>The assembler.</summary>
    protected Assembler Asm { get; } = Interlocked.Exchange(ref t_spare, null) ?? new Assembler(64);

    /// <summary>Holds the kernel's argument on entry.</summary>
    protected static AssemblerRegister64 Args => rdi;

    /// <summary>Vector register <paramref name="index"/>, 512 bits.</summary>
    public static AssemblerRegisterZMM Zmm(int index) => s_zmm[index];

    /// <summary>The low 256 bits of vector register <paramref name="index"/>.</summary>
    public static AssemblerRegisterYMM Ymm(int index) => s_ymm[index];

    /// <summary>The low 128 bits of vector register <paramref name="index"/>.</summary>
    public static AssemblerRegisterXMM Xmm(int index) => s_xmm[index];

    /// <summary>The whole function as position-independent bytes.</summary>
    public byte[] Emit()
    {
        Enter();
        Body();
        Leave();
        OutOfLine();
        using var code = new MemoryStream();
        Asm.Assemble(new StreamCodeWriter(code), 0);
        return code.ToArray();
    }

    /// <summary>As <see cref="Emit"/>, and the end of this emitter: the next one on this thread takes over its assembler, whose lists have grown to the size of a kernel.</summary>
    public byte[] EmitAndRecycle()
    {
        var code = Emit();
        Asm.Reset();
        t_spare = Asm;
        return code;
    }

    /// <summary>What has been emitted, for tests of what a kernel may use.</summary>
    public IReadOnlyList<Instruction> Instructions => Asm.Instructions;

    /// <summary>A 64-bit field of the struct that a register points to.</summary>
    protected static AssemblerMemoryOperand Field<T>(AssemblerRegister64 pointer, string name) where T : unmanaged => __qword_ptr[pointer + (int)Marshal.OffsetOf<T>(name)];

    /// <summary>Loads 64-bit fields of the struct that a register points to.</summary>
    protected void Load<T>(AssemblerRegister64 pointer, params ReadOnlySpan<(AssemblerRegister64 Register, string Field)> fields) where T : unmanaged
    {
        foreach (var (register, field) in fields) Asm.mov(register, Field<T>(pointer, field));
    }

    /// <summary>Emits what is between entry and exit.</summary>
    protected abstract void Body();

    /// <summary>Emits code after the return that the body jumps to.</summary>
    protected virtual void OutOfLine()
    {
    }

    private void Enter()
    {
        foreach (var register in s_saved) Asm.push(register);
        if (!OperatingSystem.IsWindows()) return;
        Asm.push(rdi);
        Asm.push(rsi);
        Asm.sub(rsp, SavedXmms * 16);
        for (var i = 0; i < SavedXmms; i++) Asm.vmovups(__xmmword_ptr[rsp + i * 16], Xmm(FirstSavedXmm + i));
        Asm.mov(rdi, rcx);
    }

    private void Leave()
    {
        Asm.vzeroupper();
        if (OperatingSystem.IsWindows())
        {
            for (var i = 0; i < SavedXmms; i++) Asm.vmovups(Xmm(FirstSavedXmm + i), __xmmword_ptr[rsp + i * 16]);
            Asm.add(rsp, SavedXmms * 16);
            Asm.pop(rsi);
            Asm.pop(rdi);
        }
        foreach (var register in Enumerable.Reverse(s_saved)) Asm.pop(register);
        Asm.ret();
    }
}
