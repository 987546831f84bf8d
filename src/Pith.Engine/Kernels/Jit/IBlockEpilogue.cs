namespace Pith.Kernels.Jit;

/// <summary>Emits what turns the sums of a block into results, whatever kernel they come from. Masks <c>k1</c> to <c>k3</c> are its own.</summary>
internal interface IBlockEpilogue
{
    /// <summary>Sets the masks that it uses. Overwrites rax.</summary>
    void LoadMask();

    /// <summary>All pixels of a block as steps of a few instructions, to be emitted in order, with other code in between if wanted.</summary>
    /// <param name="count">Number of pixels.</param>
    /// <param name="load">Brings the sums of a pixel and vector into a register that may be overwritten, and returns its index; the last argument numbers the at most four sums that are finished together.</param>
    IEnumerable<Action> Steps(int count, Func<int, int, int, int> load);

    /// <summary>Emits what comes after the last block.</summary>
    void Close();

    /// <summary>Emits what is out of line; call once, after the kernel's return.</summary>
    void OutOfLine();
}
